// `assaylog rebuild`: is every stored result what the log says, and if it is lost, here it is again.

import ArgumentParser
import EventLog
import JSON
import Records
import Store

struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Derive all results from the log anew, or with --verify prove that they follow from it.",
        discussion: """
            Example:
              assaylog rebuild --data ./data --verify

            --verify works every stored result out again and compares digests and bytes: equal, different,
            sealed (its records were let go; it is truth itself) and of another engine version. It changes
            nothing, works beside a running server, and ends with 1 where a result differs, naming the first.
            It also says whether the history is settled: whether windows wait for a decision.

            Without --verify what is derived is dropped and derived anew; the log gets no new entry and no
            alert is sent. No server may have the directory open.
            """)

    @OptionGroup var directory: DataDirectory

    @Flag(help: "Compare only; change nothing.")
    var verify = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        if verify { try verifyResults() } else { try await rebuild() }
    }

    // MARK: Verify

    private func verifyResults() throws {
        let (view, damages) = try directory.open()
        let progress = Progress(byteCount: nil)
        let start = SystemSources.monotonicClock()
        let grace = StoreConfiguration(directory: directory.data).grace
        let found = view.verify(grace: grace) { progress.show("verify", bytes: 0, rows: $0) }
        progress.end()
        let seconds = Double(SystemSources.monotonicClock() - start) / 1e9
        if json {
            try Output.line(document(found, seconds))
        } else {
            try Output.line(
                "\(Quantity.of(found.decisionCount, "result")): \(Quantity.count(found.equalCount)) equal, "
                    + "\(Quantity.count(found.differentCount)) different, "
                    + "\(Quantity.count(found.sealedCount)) sealed, "
                    + "\(Quantity.count(found.otherEngineCount)) of another engine version "
                    + "(\(Quantity.decimal(seconds, digitCount: 2)) s)")
            if let first = found.first { try Output.line("first difference: \(Self.sentence(first))") }
            try Output.line(
                found.isSettled
                    ? "the history is settled"
                    : "the history is not settled: \(Quantity.of(found.unsettledCount, "window")) "
                        + "wait\(found.unsettledCount == 1 ? "s" : "") for a decision")
            for problem in found.problems { Output.note("warning: \(problem)") }
        }
        try Output.warn(damages)
        if found.differentCount > 0 { throw ExitCode.failure }
    }

    private static func sentence(_ difference: Verification.Difference) -> String {
        "result \(difference.resultID) of assay \(difference.assayID), window "
            + "\(difference.window.start.zuluText), revision \(difference.revision), \(difference.problem)"
    }

    private func document(_ found: Verification, _ seconds: Double) -> JSONValue {
        .object(
            ("results", .integer(found.decisionCount)), ("equal", .integer(found.equalCount)),
            ("different", .integer(found.differentCount)), ("sealed", .integer(found.sealedCount)),
            ("other_engine", .integer(found.otherEngineCount)),
            ("first_difference", found.first.map { .string(Self.sentence($0)) } ?? .null),
            ("settled", .bool(found.isSettled)), ("unsettled_windows", .integer(found.unsettledCount)),
            ("problems", .strings(found.problems)), ("seconds", .number(seconds)))
    }

    // MARK: Rebuild

    private func rebuild() async throws {
        let progress = Progress(byteCount: nil)
        let start = SystemSources.monotonicClock()
        // Whether there is a store is asked before anything is opened to be written.
        _ = try directory.open()
        let report: RebuildReport
        do {
            report = try await InferenceStore.rebuild(StoreConfiguration(directory: directory.data)) {
                progress.show("rebuild", bytes: 0, rows: $0)
            }
        } catch LogError.disk(let error) where error.kind == .locked {
            throw CommandFailure(
                "\(directory.data) is being written by another process, surely a server; stop it first, or "
                    + "prove its results beside it with --verify")
        }
        progress.end()
        let seconds = Double(SystemSources.monotonicClock() - start) / 1e9
        if json {
            try Output.line(
                .object(
                    ("results", .integer(report.resultCount)),
                    ("carried_over", .integer(report.carriedOverCount)),
                    ("sealed", .integer(report.sealedCount)), ("problems", .strings(report.problems)),
                    ("seconds", .number(seconds))))
        } else {
            let rate = Quantity.count(Int(Double(report.resultCount) / max(seconds, 1e-3)))
            try Output.line(
                "\(Quantity.of(report.resultCount, "result")) derived anew in "
                    + "\(Quantity.decimal(seconds, digitCount: 2)) s (\(rate) a second), "
                    + "\(Quantity.count(report.sealedCount)) sealed in the log"
                    + (report.carriedOverCount > 0
                        ? ", \(Quantity.count(report.carriedOverCount)) of another engine version kept" : ""))
            for problem in report.problems { Output.note("warning: \(problem)") }
        }
        if !report.problems.isEmpty { throw ExitCode.failure }
    }
}
