// The scheduler measured: many active assays over the columns of one pipeline of the generated month, on
// a clock that is moved to the end of each hour.
//
//     hours ──► backfill ──► fifteen hours, one after the other: each new, each timed ──► idle ──► verify
//     the store let go ──► rebuild
//
// What an hour costs is its tick: new commits found, columns read, windows decided in the log, durably, and results
// written beside it, which are synced behind that (ARCHITECTURE.md). Processor time is told beside wall time, which
// other work on the machine stretches, and what the process holds in memory after each phase. Rebuilding works out
// all windows anew that the phases before decided, as `assaylog rebuild` does: opening the log and both syncs are
// counted in.

import Assays
import Catalog
import EventLog
import JSON
import Records
import Store
import Synchronization

struct AssayBench {
    let store: InferenceStore
    let clock: Clock
    let assayCount: Int
    /// Hours that are complete before the assays are there.
    let hourCount: Int

    /// Hours that become complete one by one.
    private static let roundCount = 15
    private static let hour: Int64 = 3_600_000_000
    /// Columns that the assays are spread over: every input and the output.
    private static let columnCount = 30

    /// The real time until it is told another.
    final class Clock: Sendable {
        private let told = Mutex<Timestamp?>(nil)

        var now: Timestamp { told.withLock { $0 } ?? SystemSources().now() }

        func set(_ now: Timestamp) { told.withLock { $0 = now } }
    }

    func run(_ report: (String, [(String, JSONValue)]) -> Void) async throws {
        guard let pipeline = store.view.catalog.pipelines.all.first,
            let index = store.log.snapshot().index.topics[pipeline.topic.name],
            let covered = index.times
        else { return }
        let end = Timestamp(milliseconds: covered.upperBound)
        let start = end.adding(TimeSpan(microseconds: -Int64(hourCount + Self.roundCount) * Self.hour))
        func set(hours: Int) {
            let moment = start.adding(TimeSpan(microseconds: Int64(hours) * Self.hour))
            clock.set(moment.adding(store.configuration.grace))
        }
        set(hours: hourCount)
        var watch = Watch()
        for number in 0..<assayCount {
            let request = request(
                number, pipeline, from: start, baselineFrom: Timestamp(milliseconds: covered.lowerBound))
            _ = try await store.createAssay(AssayRequest(JSONField(try JSONValue(parsing: request))))
        }
        report("assays created", watch.figures(assayCount))

        let scheduler = AssayScheduler(store, logger: Settings.logger(), writingOn: .caller)
        watch = Watch()
        while await scheduler.tick() {}
        report("assays backfill", watch.figures(store.view.book.lastResultID.number))
        var times: [(wall: Int64, processor: Int64)] = []
        for round in 1...Self.roundCount {
            set(hours: hourCount + round)
            watch = Watch()
            await scheduler.tick()
            times.append((watch.wall, watch.processor))
        }
        let wall = times.map(\.wall).sorted()
        let middle = times.map(\.processor).sorted()[Self.roundCount / 2]
        report(
            "assays new hour",
            [
                ("assays", .integer(assayCount)),
                ("median_us", .number(Double(wall[Self.roundCount / 2]) / 1000)),
                ("best_us", .number(Double(wall[0]) / 1000)),
                ("median_cpu_us", .number(Double(middle) / 1000)),
                ("median_cpu_us_per_assay", .number(Double(middle) / 1000 / Double(assayCount))),
            ])
        watch = Watch()
        await scheduler.tick()
        report("assays idle tick", watch.figures(1))
        watch = Watch()
        let verified = try store.view.verify(store.configuration)
        report(
            "assays verify",
            watch.figures(verified.decisionCount) + [
                ("equal", .integer(verified.equalCount)), ("settled", .bool(verified.isSettled)),
            ])
    }

    /// Derives again what `run` derived, in its directory when nobody writes that any more.
    static func rebuild(
        _ configuration: StoreConfiguration, _ report: (String, [(String, JSONValue)]) -> Void
    ) async throws {
        let watch = Watch()
        let rebuilt = try InferenceStore.rebuild(configuration)
        report(
            "assays rebuild",
            watch.figures(rebuilt.resultCount) + [("failed", .integer(rebuilt.failureCount))])
        // Closing writes the checkpoint that rebuilding took away: a later cold opening is what it was.
        try await InferenceStore.open(configuration).store.close()
    }

    /// Wall and processor time since it was made.
    private struct Watch {
        private let start = (SystemSources.monotonicClock(), Bench.processorClock())

        /// In nanoseconds.
        var wall: Int64 { SystemSources.monotonicClock() - start.0 }
        var processor: Int64 { Bench.processorClock() - start.1 }

        func figures(_ count: Int) -> [(String, JSONValue)] {
            let (wall, processor) = (wall, processor)
            return [
                ("count", .integer(count)), ("us", .number(Double(wall) / 1000)),
                ("per_second", .integer(Int(Double(count) / (Double(max(1, wall)) / 1e9)))),
                ("cpu_us_each", .number(Double(processor) / 1000 / Double(max(1, count)))),
                ("anonymous_kib", .integer(AssayBench.anonymousKibibytes)),
            ]
        }
    }

    /// What the process holds in memory of its own, as the system counts it.
    private static var anonymousKibibytes: Int {
        guard let status = try? InputFile("/proc/self/status").all(upTo: 1 << 16) else { return 0 }
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("RssAnon:")
        }
        return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
    }

    private func request(
        _ number: Int, _ pipeline: Pipeline, from start: Timestamp, baselineFrom first: Timestamp
    ) -> [UInt8] {
        let column = number % Self.columnCount
        let path = column == Self.columnCount - 1 ? "output dense_1 0" : "input dense_input \(column)"
        return Array(
            """
            {"name": "bench \(number)", "pipeline_id": \(pipeline.id), "pipeline_name": "\(pipeline.name)",
             "baseline": {"fixed_window": {"start": "\(first.zuluText)", "width": "24 hours"}},
             "window": {"width": "1 hour", "start": "\(start.zuluText)", "path": "\(path)"},
             "summarizer": {"num_bins": \(5 + number / Self.columnCount % 6)}}
            """.utf8)
    }
}
