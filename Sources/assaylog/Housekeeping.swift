// `assaylog retain`, `delete`, `redact`, `compact`: what is kept, and what goes.

import ArgumentParser
import Catalog
import Disk
import EventLog
import JSON
import Records
import Store

/// Where housekeeping is done: a directory that this process alone writes, or a running server.
struct HousekeepingPlace: ParsableArguments {
    @OptionGroup var directory: DataDirectory

    @OptionGroup private var instead: ServerOption

    var server: String? { instead.server }

    /// The answer of the server, or of the store in the directory, as the same document.
    ///
    /// - Parameter options: members of the document that options of the same names gave.
    func ask(
        _ path: String, _ document: JSONValue, options: [String] = [],
        configured: (inout StoreConfiguration) -> Void = { _ in },
        _ local: (InferenceStore) async throws -> JSONValue
    ) async throws -> JSONField {
        do { return try await answer(path, document, configured, local) } catch {
            throw Self.named(error, options)
        }
    }

    /// A refusal of a member of the document, by the option that gave it.
    private static func named(_ error: any Error, _ options: [String]) -> any Error {
        let failure = error as? CommandFailure
        guard let refused = error as? FieldError ?? failure?.field, options.contains(refused.field) else {
            return error
        }
        let answer = failure?.status.map { "the server answers \($0): " } ?? ""
        return CommandFailure(answer + "--\(refused.field) \(refused.problem)", status: failure?.status)
    }

    private func answer(
        _ path: String, _ document: JSONValue, _ configured: (inout StoreConfiguration) -> Void,
        _ local: (InferenceStore) async throws -> JSONValue
    ) async throws -> JSONField {
        if let server { return try ServerClient(server).post(path, document) }
        try StoreView.requireStore(
            on: PosixFileSystem(root: directory.data), named: directory.data, remedy: "give another --data")
        var configuration = StoreConfiguration(directory: directory.data)
        // What frees room is what is asked for here, most of all where there is none.
        configuration.log.reserveByteCount = StoreConfiguration.reserveByteCount
        configured(&configuration)
        let store: InferenceStore
        do {
            store = try InferenceStore.open(configuration).store
        } catch LogError.disk(let error) where error.kind == .locked {
            throw CommandFailure(
                "--data: a server writes \(directory.data); ask it with --server http://localhost:8080")
        }
        let outcome: Result<JSONValue, any Error>
        do { outcome = .success(try await local(store)) } catch  where error.isOfUnknownName {
            // As the server says it.
            let remark = store.unseenRemark.map { "; " + $0 } ?? ""
            outcome = .failure(CommandFailure("\(error)" + remark))
        } catch { outcome = .failure(error) }
        try await store.close()
        return JSONField(try outcome.get())
    }
}

/// A topic's name as a part of a path.
private func path(_ topic: String, _ verb: String) -> String {
    "/v1/logs/topic/\(CatalogName.pathComponent(topic))/\(verb)"
}

/// Prints what could not be done; the command then fails.
private func end(_ answer: JSONField, json: Bool, _ sentence: () throws -> String) throws {
    if json {
        try Output.line(answer.value ?? .null)
    } else {
        try Output.line(try sentence())
    }
    let problems = try answer["problems"].optional?.array() ?? []
    for problem in problems { Output.note("problem: \(try problem.string())") }
    if !problems.isEmpty { throw ExitCode.failure }
}

/// What retention let go, a line a topic.
private func letGo(_ answer: JSONField) throws -> String {
    try (answer["records_let_go"].optional?.object().members ?? []).map { member in
        let count = UInt64(exactly: try JSONField(member.value).integer()) ?? 0
        return RetentionReport.sentence(count, of: member.key) + "\n"
    }.joined()
}

/// A bound that is named: what it is, or nil where it is to be removed.
struct RetentionBound<Value: Sendable>: Sendable {
    var value: Value?

    /// What removes a bound, instead of a value.
    static var none: String { "none" }
}

struct Retain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retain",
        abstract: "Say how long, or how much, a topic keeps.",
        discussion: """
            Example:
              assaylog retain --topic workspace-1-pipeline-fraud-inference \\
                --age "90 days" --bytes 10000000000 --server http://localhost:8080

            A bound that is not named stays as it is; --age none or --bytes none removes it. Records over the
            bounds are let go in whole blocks: by a running server in the background, in a data directory at
            once, for all topics, and how many is said. Answers are without them then, the disk when half of a
            segment is gone. Results and baselines that were made of them are kept. A window or a baseline that is
            not over when its records go is worked out of those that are left; assays that reach further back than
            the age are named. A bound is over zero: to let go all that there is, once, see `assaylog delete`.

            Where a server's clock goes ahead at once by more than a minute, it lets nothing go by age until the clock
            has stood by that for an hour, and says so in its log. A clock that is wrong when the server starts is
            not found out.
            """)

    @OptionGroup var place: HousekeepingPlace

    @Option(help: "The topic.")
    var topic: String

    @Option(
        help: ArgumentHelp("The age at which records go, as \"90 days\"; none for any.", valueName: "age"),
        transform: Retain.age)
    var age: RetentionBound<TimeSpan>?

    @Option(
        help: ArgumentHelp(
            "The bytes past which the oldest records go, on disk or waiting in memory for it; none for any.",
            valueName: "bytes"),
        transform: Retain.byteCount)
    var bytes: RetentionBound<Int>?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard age != nil || bytes != nil else {
            throw ValidationError(
                "--age and --bytes are both missing: name the bound to set, or none to remove it, as --age none."
            )
        }
    }

    @Sendable private static func age(_ text: String) throws -> RetentionBound<TimeSpan> {
        if text == RetentionBound<TimeSpan>.none { return RetentionBound() }
        do { return RetentionBound(value: try TimeSpan(parsing: text)) } catch {
            throw ValidationError("\(error)")
        }
    }

    @Sendable private static func byteCount(_ text: String) throws -> RetentionBound<Int> {
        if text == RetentionBound<Int>.none { return RetentionBound() }
        guard let count = Int(text), count >= 0 else {
            throw ValidationError("is neither a number of bytes nor \"none\"")
        }
        return RetentionBound(value: count)
    }

    func run() async throws {
        var named: [(String, JSONValue)] = []
        if let age { named.append(("age", age.value.map { .string($0.text) } ?? .null)) }
        if let bytes { named.append(("bytes", bytes.value.map { .integer($0) } ?? .null)) }
        let document = JSONValue.object(JSONObject(named))
        let said = try await place.ask(path(topic, "retention"), document, options: ["age", "bytes"]) {
            store in
            var policy = store.retention(of: topic)
            if let age { policy.age = age.value }
            if let bytes { policy.byteCount = bytes.value }
            try await store.setRetention(policy, of: topic)
            let report = try await store.applyRetention()
            let problem = store.view.retentionProblem(ofTopic: topic, grace: store.configuration.grace)
            return .object(
                ("age", policy.age.map { .string($0.text) } ?? .null),
                ("bytes", policy.byteCount.map { .integer($0) } ?? .null),
                ("records_let_go", RetentionReport.json(report.recordCounts)),
                // What is wrong with another topic is no failure of this command; `compact` says it.
                ("problems", .strings(report.topicProblems[topic] ?? [])),
                ("retention_problem", problem.map { .string($0) } ?? .null))
        }
        // Of one shape, whoever answered: a server lets go later, so that it says null of how many.
        var object = JSONObject([
            ("topic", .string(topic)), ("age", said["age"].value ?? .null),
            ("bytes", said["bytes"].value ?? .null),
            ("records_let_go", said["records_let_go"].value ?? .null),
            ("problems", said["problems"].value ?? .array([])),
        ])
        // Of assays, and no failure: the policy is what was asked for.
        if let problem = try said["retention_problem"].optional?.string() {
            object.append("retention_problem", .string(problem))
            if !json { Output.note(problem) }
        }
        let answer = JSONField(.object(object))
        try end(answer, json: json) {
            let bounds = [
                try answer["age"].optional.map { "what is younger than \(try $0.string())" },
                try answer["bytes"].optional.map { "at most \(try $0.integer()) bytes" },
            ].compactMap { $0 }
            return try letGo(answer) + "\(topic) keeps "
                + (bounds.isEmpty ? "everything" : bounds.joined(separator: ", and "))
        }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Let all records of a topic go, from answers and from disk.",
        discussion: """
            Example:
              assaylog delete --topic workspace-1-pipeline-fraud-inference \\
                --yes --server http://localhost:8080

            Ends when the bytes are gone from the data directory. Backups keep what they hold. What assays said
            of the records stays; their addresses are not given to others. The log keeps the path, the size and a
            digest of each file that was appended, and takes the file for new.
            """)

    @OptionGroup var place: HousekeepingPlace

    @Option(help: "The topic.")
    var topic: String

    @Flag(help: "Yes, delete: there is no way back.")
    var yes = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard yes else { throw ValidationError("Deleting cannot be undone: add --yes.") }
    }

    func run() async throws {
        let answer = try await place.ask(path(topic, "delete"), .object()) { store in
            try await store.deleteRecords(ofTopic: topic).json
        }
        try end(answer, json: json) {
            "\(Quantity.of(try answer["records"].integer(), "record")) of \(topic) went, "
                + "\(Quantity.of(try answer["segments_rewritten"].integer(), "segment")) made anew without them"
        }
    }
}

struct Redact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redact",
        abstract: "Let one field of all records of a topic go, from answers and from disk.",
        discussion: """
            Example:
              assaylog redact --topic workspace-1-pipeline-fraud-inference \\
                --field in.name --yes --server http://localhost:8080

            Concerns the records that there are now. Ends when the bytes are gone from the data directory.
            Backups keep what they hold; what assays said of the field stays.
            """)

    @OptionGroup var place: HousekeepingPlace

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "The field, as `assaylog inspect` names it: in.name.")
    var field: String

    @Flag(help: "Yes, redact: there is no way back.")
    var yes = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard yes else { throw ValidationError("Redacting cannot be undone: add --yes.") }
    }

    func run() async throws {
        let document = JSONValue.object(("field", .string(field)))
        let answer = try await place.ask(path(topic, "redact"), document, options: ["field"]) { store in
            try await store.redact(field, ofTopic: topic).json
        }
        try end(answer, json: json) {
            let made = Quantity.of(try answer["segments_rewritten"].integer(), "segment")
            // Asked again, it goes on with rewrites that an earlier attempt could not finish.
            guard try answer["records"].integer() > 0 else {
                return "no record of \(topic) that can be read has \(field) any more; \(made) made anew"
            }
            return "\(field) is gone from \(topic): it was in blocks of "
                + "\(Quantity.of(try answer["records"].integer(), "record")), \(made) made anew without it"
        }
    }
}

struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Rewrite segments now rather than in the background.",
        discussion: """
            Example:
              assaylog compact --data ./data

            Carries out what the topics keep (see `assaylog retain`), and says how many records went. Then frees
            the space of records that were let go, and puts the columns of neighbouring blocks together, so that
            a path is read in long runs, which changes no answer.
            """)

    @OptionGroup var place: HousekeepingPlace

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let answer = try await place.ask("/v1/logs/compact", .object()) { store in
            try await store.compact().json
        }
        try end(answer, json: json) {
            try letGo(answer)
                + "\(Quantity.of(try answer["segments_before"].integer(), "segment")) of "
                + "\(Quantity.bytes(try answer["bytes_before"].integer())) made anew as "
                + "\(Quantity.of(try answer["segments_after"].integer(), "segment")) of "
                + "\(Quantity.bytes(try answer["bytes_after"].integer()))"
        }
    }
}
