// The background of a running store: retention carried out, segments rewritten, slowly.
//
// Invariants:
//  * It asks the writer for a moment at a time; what it reads and writes is bounded per second.
//  * A segment is regrouped once it has been sealed for a while: what is asked about most is not moved
//    while it is asked about, and a segment that retention soon takes is not written twice.
//  * What fails is said once and tried again at the next round.

import EventLog
import Logging
import Records

package actor Housekeeper {
    private let store: InferenceStore
    private let logger: Logger
    /// When each segment was first seen here, by number.
    private var firstSeen: [UInt64: Timestamp] = [:]
    private var problems: Set<String> = []

    package init(_ store: InferenceStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Runs until the task is cancelled.
    package func run(every pause: Duration = .seconds(30)) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            if Task.isCancelled { return }
            await round()
        }
    }

    /// One look at everything.
    package func round() async {
        let now = store.sources.now()
        let known = store.log.snapshot().index.uses.keys
        firstSeen = firstSeen.filter { known.contains($0.key) }
        for number in known where firstSeen[number] == nil { firstSeen[number] = now }
        let old = now.adding(TimeSpan(microseconds: -store.configuration.regroupingAge.microseconds))
        let regroupable = Set(firstSeen.filter { $0.value <= old }.keys)
        do {
            for (topic, count) in try await store.applyRetention() {
                logger.notice("retention let \(count) records of \(topic) go")
            }
            let report = try await store.log.compact(
                CompactionPace(bytesPerSecond: store.configuration.compactionBytesPerSecond) {
                    regroupable.contains($0)
                })
            say(report.problems)
        } catch {
            say(["housekeeping did not finish: \(error)"])
        }
    }

    private func say(_ found: [String]) {
        for problem in found where problems.insert(problem).inserted { logger.warning("\(problem)") }
    }
}
