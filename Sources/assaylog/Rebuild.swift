// `assaylog rebuild`: derive every assay result again, or prove that each follows from the log.

import ArgumentParser
import Disk
import JSON
import Store

struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Derive every assay result again from the log; with --verify, compare instead.",
        discussion: """
            Example:
              assaylog rebuild --verify --data ./data

            Rebuilding works out again what is kept beside the log, and puts it in the old results' place when
            it is whole and durable: until then both take space in --data, and an interruption leaves the old
            ones. Results of another engine version are carried over as they are. The log is not changed and
            nothing is sent. A running server must be stopped first. --verify changes nothing and works beside
            a server: it works out every decision from the records that it saw, compares the digests, and says
            whether anything waits to be decided. It ends with 1 where a digest differs.
            """)

    @OptionGroup var directory: DataDirectory

    @Flag(help: "Compare with what was decided; change nothing.")
    var verify = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let configuration = StoreConfiguration(directory: directory.data)
        if verify { try runVerify(configuration) } else { try await runRebuild(configuration) }
    }

    private func runRebuild(_ configuration: StoreConfiguration) async throws {
        let start = SystemSources.monotonicClock()
        let progress = Progress(byteCount: nil)
        let report: RebuildReport
        do {
            report = try InferenceStore.rebuild(configuration) { done, count in
                progress.show("rebuild", done: done, of: count, "results")
            }
        } catch let error as DiskError where error.kind == .locked {
            throw CommandFailure(
                "\(directory.data) is being written by another process, surely a server; stop it first, or "
                    + "prove its results beside it with --verify")
        }
        progress.end()
        let seconds = Double(SystemSources.monotonicClock() - start) / 1e9
        if json {
            try Output.line(
                .object(
                    ("results", .integer(report.resultCount)), ("sealed", .integer(report.sealedCount)),
                    ("carried_over", .integer(report.carriedOverCount)), ("lost", .integer(report.lostCount)),
                    ("failed", .integer(report.failureCount)), ("failures", .strings(report.failures)),
                    ("seconds", .number(seconds))))
        } else {
            for failure in report.failures { try Output.line(failure) }
            try Output.line(
                "\(Quantity.of(report.resultCount, "result")) derived again in "
                    + "\(Quantity.decimal(seconds, digitCount: 2)) s"
                    + (report.sealedCount > 0
                        ? ", \(Quantity.count(report.sealedCount)) sealed in the log" : "")
                    + (report.carriedOverCount > 0
                        ? ", \(Quantity.count(report.carriedOverCount)) of another engine carried over" : "")
                    + (report.lostCount > 0
                        ? ", \(Quantity.count(report.lostCount)) of another engine damaged and derived by this one"
                        : "")
                    + (report.failureCount > 0 ? ", \(Quantity.count(report.failureCount)) failed" : ""))
        }
        for damage in report.damages { Output.note("warning: of what was derived before, \(damage)") }
        if report.failureCount > 0 { throw ExitCode.failure }
    }

    private func runVerify(_ configuration: StoreConfiguration) throws {
        let start = SystemSources.monotonicClock()
        let progress = Progress(byteCount: nil)
        let (view, damages) = try directory.open()
        let report = try view.verify(configuration) { done, count in
            progress.show("verify", done: done, of: count, "decisions")
        }
        progress.end()
        let seconds = Double(SystemSources.monotonicClock() - start) / 1e9
        if json {
            try Output.line(document(report, seconds))
        } else {
            for difference in report.differences { try Output.line(difference) }
            let uncompared =
                report.sealedUncomparedCount > 0
                ? " (\(Quantity.count(report.sealedUncomparedCount)) tell too little to be compared)" : ""
            let unreadable =
                report.keptUnreadableCount > 0
                ? ", \(Quantity.count(report.keptUnreadableCount)) damaged, which `assaylog rebuild` writes anew"
                : ""
            let unproven =
                report.sealedUnprovenCount > 0
                ? " (\(Quantity.count(report.sealedUnprovenCount)) sealed unproven)" : ""
            try Output.line(
                "\(Quantity.of(report.decisionCount, "decision")): \(Quantity.count(report.equalCount)) equal, "
                    + "\(Quantity.count(report.differentCount)) different\(unproven), "
                    + "\(Quantity.count(report.sealedCount)) sealed\(uncompared), "
                    + "\(Quantity.count(report.otherEngineCount)) by another engine; "
                    + "\(Quantity.of(report.keptCount, "result")) kept beside the log, "
                    + "\(Quantity.count(report.keptDifferentCount)) different\(unreadable) "
                    + "(\(Quantity.decimal(seconds, digitCount: 2)) s)")
            let pins = report.baselineEqualCount + report.baselineDifferentCount + report.baselineGoneCount
            if pins > 0 {
                try Output.line(
                    "\(Quantity.of(pins, "pinned baseline")): \(Quantity.count(report.baselineEqualCount)) equal, "
                        + "\(Quantity.count(report.baselineDifferentCount)) different, "
                        + "\(Quantity.count(report.baselineGoneCount)) not checkable, as what they were made of went since"
                )
            }
            for problem in report.unsettledProblems { try Output.line("not known to be settled: \(problem)") }
            try Output.line(verdict(on: report))
        }
        try Output.warn(damages)
        if !report.isProved { throw ExitCode.failure }
    }

    private func verdict(on report: HistoryReport) -> String {
        if report.isSettled { return "the history is settled: nothing waits to be decided" }
        guard report.lateWindowCount + report.dueWindowCount > 0 else {
            return "the history is not known to be settled: nothing else waits to be decided"
        }
        return
            "the history is not settled: \(Quantity.of(report.lateWindowCount, "window")) with late records and "
            + "\(Quantity.of(report.dueWindowCount, "complete window")) wait to be decided"
    }

    private func document(_ report: HistoryReport, _ seconds: Double) -> JSONValue {
        .object(
            ("ok", .bool(report.isProved)), ("decisions", .integer(report.decisionCount)),
            ("equal", .integer(report.equalCount)), ("different", .integer(report.differentCount)),
            ("sealed", .integer(report.sealedCount)),
            ("sealed_uncompared", .integer(report.sealedUncomparedCount)),
            ("sealed_unproven", .integer(report.sealedUnprovenCount)),
            ("other_engine", .integer(report.otherEngineCount)),
            ("kept", .integer(report.keptCount)), ("kept_different", .integer(report.keptDifferentCount)),
            ("kept_damaged", .integer(report.keptUnreadableCount)),
            ("baselines_equal", .integer(report.baselineEqualCount)),
            ("baselines_different", .integer(report.baselineDifferentCount)),
            ("baselines_let_go", .integer(report.baselineGoneCount)),
            ("differences", .strings(report.differences)), ("settled", .bool(report.isSettled)),
            ("late_windows", .integer(report.lateWindowCount)),
            ("due_windows", .integer(report.dueWindowCount)),
            ("problems", .strings(report.unsettledProblems)), ("seconds", .number(seconds)))
    }
}
