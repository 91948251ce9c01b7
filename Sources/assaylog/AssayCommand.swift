// `assaylog assay`: stored assays, their results, and what they would say of any period.

import ArgumentParser
import Assays
import Catalog
import JSON
import Records
import Store

struct AssayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assay",
        abstract: "List, show and run assays; show their results.",
        discussion: """
            Example:
              assaylog assay list
              assaylog assay run 1 --start 2024-01-09T00:00:00Z
            """,
        subcommands: [List.self, Show.self, Run.self, Results.self])
}

/// An assay's number.
struct AssayOptions: ParsableArguments {
    @OptionGroup var directory: DataDirectory

    @Argument(help: "The assay's number, as `assaylog assay list` shows it.")
    var id: Int

    @Flag(help: "Print JSON.")
    var json = false

    func found(in view: StoreView) throws -> Assay {
        guard let assay = view.book[AssayID(id)] else {
            if let series = view.book[series: AssayID(id)] {
                throw CommandFailure(
                    "assay \(id) is of the second generation, which is not shown here; "
                        + "POST /v2/api/assays/get/\(series.uuid) shows it, and "
                        + "POST /v2/api/assays/get_results {\"id\": \"\(series.uuid)\"} its results, with "
                        + "\"revisions\": \"all\" every revision of each window")
            }
            let ids = view.book.list().map { "\($0.id)" }.reversed().joined(separator: ", ")
            throw CommandFailure(
                "there is no assay \(id); "
                    + (ids.isEmpty
                        ? "there is none" + (view.book.seriesRemark == nil ? " at all" : "")
                        : "there is \(ids)")
                    + (view.book.seriesRemark.map { ", and \($0)" } ?? ""))
        }
        return assay
    }
}

extension AssayCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the assays, newest first.",
            discussion: """
                Example:
                  assaylog assay list --json
                """)

        @OptionGroup var directory: DataDirectory

        @Flag(help: "Print JSON, as the API answers it.")
        var json = false

        func run() throws {
            let (view, damages) = try directory.open()
            let assays = view.book.list()
            let now = SystemSources().now()
            if json {
                let grace = StoreConfiguration(directory: directory.data).grace
                try Output.line(
                    .array(
                        assays.map {
                            $0.listJSON(
                                workspaceName: view.catalog.workspaceName(of: $0), at: now,
                                retentionProblem: view.retentionProblem(of: $0, grace: grace))
                        }))
            } else {
                var table = TextTable(
                    ("id", .trailing), ("name", .leading), ("pipeline", .leading), ("path", .leading),
                    ("window", .leading), ("active", .leading), ("ok", .trailing), ("warning", .trailing),
                    ("alert", .trailing), ("last run", .leading))
                for assay in assays {
                    let definition = assay.definition
                    let report = assay.report(by: now)
                    table.append(
                        "\(assay.id)", definition.name, definition.pipelineName, definition.window.path.text,
                        definition.window.width.text, assay.isActive ? "yes" : "no",
                        report.map { "\($0.okCount)" } ?? "-",
                        report.map { "\($0.warningCount)" } ?? "-",
                        report.map { "\($0.alertCount)" } ?? "-", report?.runAt.zuluText ?? "never")
                }
                if let remark = view.book.seriesRemark {
                    Output.note(remark)
                } else if table.isEmpty {
                    Output.note("there are no assays yet; POST /v1/api/assays/create makes one")
                }
                try Output.write(Array(table.text.utf8))
            }
            try Output.warn(damages)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show an assay's definition and state.",
            discussion: """
                Example:
                  assaylog assay show 1
                """)

        @OptionGroup var options: AssayOptions

        func run() throws {
            let (view, damages) = try options.directory.open()
            let assay = try options.found(in: view)
            let configuration = StoreConfiguration(directory: options.directory.data)
            let backfill = view.backfill(of: assay, configuration)
            let document = assay.detailJSON(
                workspaceName: view.catalog.workspaceName(of: assay), at: SystemSources().now(),
                backfill: backfill,
                retentionProblem: view.retentionProblem(of: assay, grace: configuration.grace))
            if options.json {
                try Output.line(document)
            } else {
                var table = TextTable(("assay \(assay.id)", .leading), (assay.definition.name, .leading))
                func append(_ name: String, _ json: JSONValue) {
                    if case .object(let object) = json {
                        for member in object.members { append("\(name).\(member.key)", member.value) }
                    } else if case .string(let text) = json {
                        table.append(name, text)
                    } else {
                        table.append(name, json == .null ? "-" : json.text)
                    }
                }
                if case .object(let object) = document {
                    for member in object.members where !["id", "name", "backfill"].contains(member.key) {
                        append(member.key, member.value)
                    }
                }
                table.append("windows decided", "\(assay.decisions.count)")
                if let backfill {
                    let due = backfill.dueCount.map { "\(backfill.doneCount) of \($0) windows" }
                    table.append(
                        "backfill", [due, backfill.problem].compactMap(\.self).joined(separator: ": "))
                }
                try Output.write(Array(table.text.utf8))
            }
            try Output.warn(damages)
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run",
            abstract: "Say what an assay says of a period; stores nothing.",
            discussion: """
                Example:
                  assaylog assay run 1 --start 2024-01-09T00:00:00Z --end 2024-01-10T00:00:00Z
                  assaylog assay run 1 --paths all

                The windows are the assay's own grid, also before its start; those that lie in the period, are
                complete and hold records are shown.

                With --paths the same question is asked of other paths, each against its own baseline, and the
                paths are ranked by drift: the mean of score / what noise explains (a hundredth of the alert
                threshold at least), so that 1 is as much as chance shows in one window of twenty. A path of which windows hold no numbers stands before those that
                did not drift, and says so. --json prints NDJSON: a line a result, the ranking last.
                """)

        @OptionGroup var options: AssayOptions
        @OptionGroup var period: PeriodOptions

        @Option(
            help: ArgumentHelp(
                "Ask it of this path instead; may be given again; \"all\" for every path with numbers.",
                valueName: "path"))
        var paths: [String] = []

        private func selection() throws -> PathSelection? {
            if paths.isEmpty { return nil }
            guard paths.count == 1 || !paths.contains("all") else {
                throw ValidationError("--paths all is every path; give it alone, or the paths without it.")
            }
            do {
                return try PathSelection(
                    JSONField(paths == ["all"] ? .string("all") : .strings(paths), path: "--paths"))
            } catch { throw ValidationError("\(error)") }
        }

        func validate() throws { _ = try selection() }

        func run() async throws {
            let (view, damages) = try options.directory.open()
            let assay = try options.found(in: view)
            if let selection = try selection() {
                let isJSON = options.json
                let run = try PathsRun(assay.id, over: period.window, selection, view)
                let ranking = try await run.run {
                    isJSON ? $0.lines : []
                } handOn: {
                    try Output.write($0)
                }
                if isJSON {
                    try Output.line(ranking.json)
                } else {
                    try Output.write(Array(RankingTable(ranking).text.utf8))
                }
                try Output.warn(damages)
                return
            }
            let results = try view.run(assay.id, over: period.window)
            if options.json {
                try Output.line(.array(results.map(\.json)))
            } else {
                var table = ResultTable()
                for result in results {
                    let summary = result.outcome.summary.summary
                    table.append(
                        result.outcome.window.start.zuluText, status: result.outcome.status.rawValue,
                        score: result.outcome.score, count: summary.count, mean: summary.mean,
                        note: result.outcome.absence ?? "")
                }
                try Output.write(Array(table.text.utf8))
            }
            try Output.warn(damages)
        }
    }

    struct Results: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "results",
            abstract: "Show an assay's stored results: the newest of each window, or every revision.",
            discussion: """
                Example:
                  assaylog assay results 1 --limit 24
                  assaylog assay results 1 --revisions
                """)

        @OptionGroup var options: AssayOptions
        @OptionGroup var period: PeriodOptions

        @Option(help: "How many windows at most: the last ones.")
        var limit: Int?

        @Flag(help: "Show every revision of each window, in the order they were made.")
        var revisions = false

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit is \(limit); it must be 1 or more.") }
        }

        func run() throws {
            let (view, damages) = try options.directory.open()
            let assay = try options.found(in: view)
            let ended = assay.complete(period.window, by: SystemSources().now())
            let newest = assay.decisions(startingIn: ended).suffix(limit ?? .max)
            var decisions = Array(newest)
            var documents: [[UInt8]] = []
            if revisions {
                // The last windows, as without it, with all that was said of each.
                let shown = TimeWindow(
                    start: newest.first?.window.start ?? ended.start, end: ended.end)
                decisions = assay.revisions(startingIn: shown)
                documents = try view.revisions(of: assay, decisions)
            } else {
                documents = try view.results(of: assay, decisions)
            }
            if options.json {
                var bytes = [UInt8(ascii: "[")]
                for (position, document) in documents.enumerated() {
                    if position > 0 { bytes.append(UInt8(ascii: ",")) }
                    bytes += document
                }
                try Output.write(bytes + Array("]\n".utf8))
            } else {
                var table = ResultTable()
                for (decision, document) in zip(decisions, documents) {
                    let result = JSONField(try JSONValue(parsing: document))
                    let revision = decision.revision > 1 || revisions ? "revision \(decision.revision), " : ""
                    table.append(
                        decision.window.start.zuluText, status: decision.status.rawValue,
                        score: try result["score"].optional?.double(),
                        count: try result["window_summary"]["count"].integer(),
                        mean: try result["window_summary"]["mean"].optional?.double(),
                        note: try result["absence"].optional?.string()
                            ?? "\(revision)\(decision.reason.rawValue)")
                }
                try Output.write(Array(table.text.utf8))
            }
            try Output.warn(damages)
        }
    }
}

/// Windows and their scores, and how many have which status.
private struct ResultTable {
    private var table = TextTable(
        ("window", .leading), ("count", .trailing), ("mean", .trailing), ("score", .trailing),
        ("status", .leading), ("", .leading))
    private var counts: [(status: String, count: Int)] = []

    mutating func append(
        _ window: String, status: String, score: Double?, count: Int, mean: Double?, note: String
    ) {
        table.append(
            window, Quantity.count(count), mean.map { Quantity.decimal($0, digitCount: 6) } ?? "-",
            score.map { Quantity.decimal($0, digitCount: 6) } ?? "-", status, note)
        if let known = counts.firstIndex(where: { $0.status == status }) {
            counts[known].count += 1
        } else {
            counts.append((status, 1))
        }
    }

    var text: String {
        let total = counts.reduce(0) { $0 + $1.count }
        let parts = counts.map { "\($0.count) \($0.status)" }.joined(separator: ", ")
        return table.text + Quantity.of(total, "window") + (parts.isEmpty ? "" : ": \(parts)") + "\n"
    }
}

/// Paths by their drift, and since when.
private struct RankingTable {
    private(set) var text: String

    init(_ ranking: PathRanking) {
        var table = TextTable(
            ("rank", .trailing), ("path", .leading), ("drift", .trailing), ("mean", .trailing),
            ("max", .trailing), ("windows", .trailing), ("alerts", .trailing), ("too few", .trailing),
            ("alert since", .leading), ("", .leading))
        func number(_ value: Double?) -> String {
            value.map { Quantity.decimal($0, digitCount: 4) } ?? "-"
        }
        for (position, finding) in ranking.findings.enumerated() {
            table.append(
                "\(position + 1)", finding.path.text, number(finding.drift), number(finding.scoreMean),
                number(finding.scoreMax), Quantity.count(finding.windowCount),
                Quantity.count(finding.alertCount), Quantity.count(finding.tooFewCount),
                finding.alertSince.map { $0.zuluText + (finding.isAlerting ? "" : " (over)") } ?? "-",
                finding.problem ?? finding.absenceText ?? "")
        }
        text = table.text + Quantity.of(ranking.findings.count, "path") + "\n"
    }
}

extension AssayBook {
    /// That there are assays which these commands do not show; nil where there are none.
    fileprivate var seriesRemark: String? {
        let count = seriesList().count
        guard count > 0 else { return nil }
        return "\(Quantity.of(count, "assay")) of the second generation, not shown here; "
            + "POST /v2/api/assays/get lists them"
    }
}
