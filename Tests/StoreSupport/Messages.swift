// Where a store's messages go in tests: nowhere, or where the test finds them.

import Logging
import Synchronization

/// A logger whose messages nobody reads.
package let noLog = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Keeps what is logged, in order, from the level `debug` on.
package final class Messages: Sendable {
    private let kept = Mutex<[String]>([])

    package init() {}

    package var all: [String] { kept.withLock { $0 } }

    /// A logger whose messages are kept here.
    package var logger: Logger { Logger(label: "test") { _ in Handler(messages: self) } }

    private struct Handler: LogHandler {
        let messages: Messages
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { messages.kept.withLock { $0.append("\(event.message)") } }
    }
}
