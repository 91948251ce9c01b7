// `assaylog serve`: the server over one data directory.

import Alerts
import ArgumentParser
import Dispatch
import HTTPAPI
import JSON
import Logging
import Records
import Serving
import Store

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a data directory over HTTP.",
        discussion: """
            Example:
              assaylog serve --data ./data --port 8080

            Options may also come from the environment: ASSAYLOG_DATA, ASSAYLOG_HOST, ASSAYLOG_PORT,
            ASSAYLOG_PUBLIC_URL, ASSAYLOG_WEBHOOK_ALLOW (hosts, with commas between them),
            ASSAYLOG_ONNXRUNTIME (the ONNX Runtime library or its folder).
            """)

    @OptionGroup var directory: DataDirectory

    @Option(help: "The address to listen at.")
    var host = Settings.environment("ASSAYLOG_HOST") ?? "127.0.0.1"

    @Option(help: "The port to listen at; 0 for any free one. (default: 8080)")
    var port: Int?

    @Option(name: .customLong("public-url"), help: "What clients reach this server as, for URLs in answers.")
    var publicURL: String?

    @Option(help: "How long after its end a window is analysed, as \"5 seconds\".")
    var grace = "5 seconds"

    @Option(help: "The ONNX Runtime library, or the folder that holds it.")
    var onnxruntime: String?

    @Flag(
        name: .customLong("without-unseen"),
        help: """
            Give up what damage hides of the log, and take appends again: records that are not seen, and the \
            deletions, settings and idempotency keys among them; ask again for deletions that may have stood there. \
            It is said for good, with this start: later ones need no such word, until damage hides something else. \
            Where a backup has the damaged file, restore that instead.
            """)
    var withoutUnseen = false

    @OptionGroup var webhooks: WebhookPolicyOptions

    func validate() throws {
        _ = try listening()
        _ = try graceSpan()
    }

    /// Where to listen, as the options say, or else the environment; refused by the name of who said it.
    private func listening() throws -> ServerConfiguration {
        ServerConfiguration(host: host, port: try portNumber(), publicURL: try publicAddress())
    }

    private func portNumber() throws -> Int {
        if let port {
            guard (0...65535).contains(port) else {
                throw ValidationError("--port must be 0 to 65535, not \(port).")
            }
            return port
        }
        guard let text = Settings.environment("ASSAYLOG_PORT") else { return 8080 }
        guard let number = Int(text), (0...65535).contains(number) else {
            throw ValidationError("ASSAYLOG_PORT must be 0 to 65535, not \"\(text)\".")
        }
        return number
    }

    private func publicAddress() throws -> String? {
        let variable = Settings.environment("ASSAYLOG_PUBLIC_URL")
        guard let text = publicURL ?? variable else { return nil }
        guard ServerConfiguration.isPublicURL(text) else {
            throw ValidationError(
                "\(publicURL == nil ? "ASSAYLOG_PUBLIC_URL" : "--public-url") is \"\(text)\", which is no address "
                    + "of a server; write it as https://assay.example.com, without user, query or fragment.")
        }
        return text
    }

    private func graceSpan() throws -> TimeSpan {
        do { return try TimeSpan(parsing: grace) } catch { throw ValidationError("--grace: \(error)") }
    }

    func run() async throws {
        let logger = Settings.logger()
        var configuration = StoreConfiguration(directory: directory.data)
        configuration.grace = try graceSpan()
        configuration.log.reserveByteCount = StoreConfiguration.reserveByteCount
        configuration.log.goesOnWithoutUnseen = withoutUnseen
        configuration.webhookPolicy = try webhooks.policy()
        configuration.runtimePlace = onnxruntime
        configuration.runtimePlaces = Settings.runtimePlaces
        let (store, report) = try InferenceStore.open(configuration)
        for line in report.log.repairs + report.derived.repairs { logger.notice("\(line)") }
        for line in report.log.damages + report.derived.damages { logger.error("\(line)") }
        // Beside the first questions, which need none; the first inference waits for it.
        DispatchQueue.global().async {
            do throws(ServingError) { _ = try store.models.runtime.get() } catch {
                logger.warning("models will not run: \(error)")
            }
        }
        let data = directory.data
        let listening = try listening()
        try await APIServer(store, listening, logger: logger).run { port in
            logger.notice("assaylog serves \(data) at http://\(listening.authority(port: port))")
        }
    }
}
