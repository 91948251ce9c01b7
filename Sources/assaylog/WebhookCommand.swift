// `assaylog webhook`: who is told when an assay's status changes.

import Alerts
import ArgumentParser
import JSON
import Records
import Store

struct WebhookCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Say who is told when an assay's status changes.",
        discussion: """
            Example:
              assaylog webhook create https://hooks.example.com/drift \\
                --server http://localhost:8080
              assaylog webhook list
              assaylog webhook switch 1 off --server http://localhost:8080

            A destination is an address on a host that `assaylog serve --webhook-allow` names; it is posted to in
            the Standard Webhooks form by a running server, each time at least once.
            """,
        subcommands: [Create.self, List.self, Switch.self, Delete.self])
}

/// Which hosts may be told.
struct WebhookPolicyOptions: ParsableArguments {
    @Option(
        name: .customLong("webhook-allow"),
        help: ArgumentHelp(
            "A host that alerts may be posted to, as hooks.example.com or 10.0.0.7:8443, with http:// before it "
                + "where plain http is meant; may be given again. Without any, there are no webhooks.",
            valueName: "host"))
    var webhookAllow: [String] = []

    @Flag(
        name: .customLong("webhook-allow-private"),
        help: "Let the names of those hosts resolve to loopback and private addresses.")
    var webhookAllowPrivate = false

    func policy() throws -> WebhookPolicy {
        let environment = Settings.environment("ASSAYLOG_WEBHOOK_ALLOW") ?? ""
        let hosts =
            webhookAllow.isEmpty
            ? environment.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init) : webhookAllow
        do { return try WebhookPolicy(allowing: hosts, includingPrivate: webhookAllowPrivate) } catch {
            throw ValidationError("\(error)")
        }
    }

    func validate() throws { _ = try policy() }
}

extension WebhookCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Tell an address from now on.",
            discussion: """
                Example:
                  assaylog webhook create https://hooks.example.com/drift \\
                    --server http://localhost:8080
                  assaylog webhook create https://hooks.example.com/drift --secret-file - \\
                    --webhook-allow hooks.example.com < secret

                The secret that requests are signed with is made anew, and shown this once, unless a file holds
                it. A running server knows by itself which hosts it may post to; without --server say it here.
                """)

        @OptionGroup var place: HousekeepingPlace
        @OptionGroup var allowed: WebhookPolicyOptions

        @Argument(help: "Where to post to, as https://hooks.example.com/drift.")
        var url: String

        // Not an option of its own: other users of the machine see the words of a command.
        @Option(
            name: .customLong("secret-file"),
            help: ArgumentHelp(
                "A file that holds the secret, as whsec_ and base64; \"-\" for standard input.",
                valueName: "file"))
        var secretFile: String?

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let secret = try secretFile.map(WebhookCommand.secret(in:))
            var document = JSONObject([("url", .string(url))])
            if let secret { document.append("secret", .string(secret)) }
            let policy = try allowed.policy()
            let fields = JSONField(.object(document))
            let answer = try await place.ask(
                "/v1/api/webhooks/create", .object(document), configured: { $0.webhookPolicy = policy }
            ) { store in
                let created = try await store.createWebhook(
                    try WebhookAddress(fields["url"]),
                    secret: try fields["secret"].optional.map { try WebhookSecret($0) })
                var answer = JSONObject([("webhook_id", .identifier(created.id))])
                if let new = created.newSecret { answer.append("secret", .string(new.text)) }
                return .object(answer)
            }
            if json { return try Output.line(answer.value ?? .null) }
            try Output.line("webhook \(try answer["webhook_id"].integer()) is told from now on")
            if let new = try answer["secret"].optional?.string() {
                Output.note("its secret, which is not shown again:")
                try Output.line(new)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the destinations, and what became of telling them.",
            discussion: """
                Example:
                  assaylog webhook list --json
                """)

        @OptionGroup var place: HousekeepingPlace

        @Flag(help: "Print JSON, as the API answers it.")
        var json = false

        func run() async throws {
            var damages: [String] = []
            let webhooks: [JSONField]
            if let server = place.server {
                webhooks = try ServerClient(server).post("/v1/api/webhooks/list", .object()).array()
            } else {
                let (view, found) = try place.directory.open()
                damages = found
                webhooks = view.alerts.list.map { JSONField(view.alerts.json(of: $0)) }
            }
            if json {
                try Output.line(.array(webhooks.map { $0.value ?? .null }))
            } else {
                var table = TextTable(
                    ("id", .trailing), ("url", .leading), ("active", .leading), ("waiting", .trailing),
                    ("delivered", .trailing), ("failed attempts", .trailing), ("given up", .trailing))
                for webhook in webhooks {
                    let isActive = try webhook["active"].bool()
                    table.append(
                        "\(try webhook["id"].integer())", try webhook["url"].string(),
                        try webhook["gone"].bool() ? "gone" : isActive ? "yes" : "no",
                        "\(try webhook["num_pending"].integer())",
                        "\(try webhook["num_delivered"].integer())",
                        "\(try webhook["num_failed_attempts"].integer())",
                        "\(try webhook["num_given_up"].integer())")
                }
                if table.isEmpty {
                    Output.note("nobody is told; `assaylog webhook create` names a destination")
                }
                try Output.write(Array(table.text.utf8))
            }
            try Output.warn(damages)
        }
    }

    struct Switch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "switch",
            abstract: "Stop telling a destination, or go on.",
            discussion: """
                Example:
                  assaylog webhook switch 1 off --server http://localhost:8080

                What changes while it is off it is not told, also not later.
                """)

        enum Position: String, CaseIterable, ExpressibleByArgument {
            case on
            case off
        }

        @OptionGroup var place: HousekeepingPlace

        @Argument(help: "The destination's number, as `assaylog webhook list` shows it.")
        var id: Int

        @Argument(help: "on or off.")
        var position: Position

        func run() async throws {
            let document = JSONValue.object(("id", .integer(id)), ("active", .bool(position == .on)))
            _ = try await place.ask("/v1/api/webhooks/set_active", document) { store in
                try await store.switchWebhook(WebhookID(id), position == .on)
                return document
            }
            try Output.line("webhook \(id) is \(position.rawValue)")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete",
            abstract: "Forget a destination, and what waits for it.",
            discussion: """
                Example:
                  assaylog webhook delete 1 --server http://localhost:8080
                """)

        @OptionGroup var place: HousekeepingPlace

        @Argument(help: "The destination's number, as `assaylog webhook list` shows it.")
        var id: Int

        func run() async throws {
            let document = JSONValue.object(("id", .integer(id)))
            _ = try await place.ask("/v1/api/webhooks/delete", document) { store in
                try await store.removeWebhook(WebhookID(id))
                return document
            }
            try Output.line("webhook \(id) is deleted")
        }
    }

    /// The secret that a file holds, without the end of its line.
    private static func secret(in file: String) throws -> String {
        let line: String
        do { line = try InputFile(file).line() } catch {
            throw CommandFailure("--secret-file: \(error)")
        }
        guard !line.isEmpty else {
            throw CommandFailure("--secret-file: \(file) is empty; put a secret in it, as whsec_ and base64")
        }
        return line
    }
}
