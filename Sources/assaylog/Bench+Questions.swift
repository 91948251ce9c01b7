// The phases of `assaylog bench` that ask: windows, replays and whole records, warm and, of a store that was just
// opened, cold. No record is added by them, so they may be asked again of the same directory.

import Assays
import Bytes
import EventLog
import Glibc
import JSON
import Queries
import Records
import Store
import Summaries
import Wire

extension Bench {
    /// Opens the store and asks for an hour, with nothing of its files in memory: where this phase is asked for
    /// alone, the first question of a new process.
    func cold() async throws {
        var generator = SplitMix64(seed: UInt64(coldQuestion))
        Bench.forgetFiles(under: directory.data)
        let start = Workload.start + Int64(generator.next() % UInt64(Workload.span - 3_600_000))
        let window = TimeWindow(
            start: Timestamp(milliseconds: start), end: Timestamp(milliseconds: start + 3_600_000))
        let query = WindowQuery(
            topic: Workload.topic(Int(generator.next() % UInt64(pipelines))), window: window,
            path: try IOPath(parsing: "input dense_input \(generator.next() % 29)"))
        let summarizer = Summarizer(Workload.settings)
        let processorTime = Bench.processorClock()
        let before = SystemSources.monotonicClock()
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: directory.data))
        let opened = SystemSources.monotonicClock()
        let values = try ColumnScan(store.log.snapshot()).values(query, wantsTimes: false)
        // Of few records, an hour may have none.
        let sample = SortedSample(values.values)
        if sample.count > 0 { _ = try summarizer.baseline(of: sample) }
        let answered = SystemSources.monotonicClock()
        report(
            "cold", ("us", .number(Double(answered - before) / 1000)),
            ("open_us", .number(Double(opened - before) / 1000)), cpu(since: processorTime, each: 1))
        try await store.close()
    }

    /// Lets the page cache go of what is in a directory.
    private static func forgetFiles(under path: String) {
        sync()
        guard let listing = opendir(path) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            if entry.pointee.d_type == UInt8(DT_DIR) {
                forgetFiles(under: path + "/" + name)
                continue
            }
            let file = Glibc.open(path + "/" + name, O_RDONLY)
            guard file >= 0 else { continue }
            _ = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
            Glibc.close(file)
        }
    }

    func windows(_ workload: Workload, _ store: InferenceStore) throws {
        var generator = SplitMix64(seed: 7)
        for (name, width) in [("1 min", 60_000), ("1 h", 3_600_000), ("24 h", 86_400_000)]
            as [(String, Int64)]
        {
            var latencies: [Int64] = []
            var kept = 0
            let processorTime = Bench.processorClock()
            for _ in 0..<questions {
                let start = Workload.start + Int64(generator.next() % UInt64(Workload.span - width))
                let window = TimeWindow(
                    start: Timestamp(milliseconds: start), end: Timestamp(milliseconds: start + width))
                let pipeline = Int(generator.next() % UInt64(workload.pipelineCount))
                let element = Int(generator.next() % 29)
                let path = try IOPath(parsing: "input dense_input \(element)")
                let before = SystemSources.monotonicClock()
                let values = try ColumnScan(store.log.snapshot()).values(
                    WindowQuery(
                        topic: Workload.topic(pipeline), window: window,
                        path: path), wantsTimes: false)
                let sample = SortedSample(values.values)
                if sample.count > 0 { _ = try Summarizer(Workload.settings).baseline(of: sample) }
                latencies.append(SystemSources.monotonicClock() - before)
                kept += values.values.count
            }
            latencies.sort()
            report(
                "window \(name)", ("median_us", .number(Double(latencies[questions / 2]) / 1000)),
                ("best_us", .number(Double(latencies[0]) / 1000)), ("rows", .integer(kept / questions)),
                cpu(since: processorTime, each: questions))
        }
    }

    func replay(_ workload: Workload, _ store: InferenceStore) throws {
        let view = store.view
        let body = workload.assay(pipeline: 0, pipelineID: view.catalog.pipelines.all[0].id.number)
        let request = try AssayRequest(JSONField(try JSONValue(parsing: body)), nameIsNeeded: false)
        var times: [Int64] = []
        var printing: [Int64] = []
        var count = 0
        let processorTime = Bench.processorClock()
        for _ in 0..<5 {
            let start = SystemSources.monotonicClock()
            let results = try view.runInteractive(request)
            let middle = SystemSources.monotonicClock()
            _ = AssayResultWriter.list(of: results)
            count = results.count
            times.append(middle - start)
            printing.append(SystemSources.monotonicClock() - middle)
        }
        report(
            "replay", ("windows", .integer(count)), ("best_us", .number(Double(times.min()!) / 1000)),
            ("median_us", .number(Double(times.sorted()[2]) / 1000)),
            ("print_us", .number(Double(printing.min()!) / 1000)), cpu(since: processorTime, each: 5))
    }

    /// The same replay of every input and the output in one run: whole summaries and scores of 720 windows
    /// each, ranked. Said with it is how many times one path's replay that is, and how many times the same run
    /// with the output alone.
    func allPaths(_ workload: Workload, _ store: InferenceStore) async throws {
        let view = store.view
        let body = workload.assay(pipeline: 0, pipelineID: view.catalog.pipelines.all[0].id.number)
        let request = try AssayRequest(JSONField(try JSONValue(parsing: body)), nameIsNeeded: false)
        let paths = try (["output dense_1 0"] + (0..<29).map { "input dense_input \($0)" }).map {
            try IOPath(parsing: $0)
        }
        func run(_ paths: [IOPath]) async throws -> Int64 {
            let start = SystemSources.monotonicClock()
            var windowCount = 0
            let ranking = try await PathsRun(request, .named(paths), view).run(
                { $0.results.count }, handOn: { windowCount += $0 })
            let taken = SystemSources.monotonicClock() - start
            precondition(
                ranking.findings.allSatisfy { $0.problem == nil } && windowCount > 0,
                "The generated month has numbers at each path.")
            return taken
        }
        var one: [Int64] = []
        var alone: [Int64] = []
        var all: [Int64] = []
        let processorTime = Bench.processorClock()
        for _ in 0..<3 {
            let start = SystemSources.monotonicClock()
            _ = try view.runInteractive(request)
            one.append(SystemSources.monotonicClock() - start)
            alone.append(try await run([paths[0]]))
            all.append(try await run(paths))
        }
        report(
            "replay of all paths", ("paths", .integer(paths.count)),
            ("best_us", .number(Double(all.min()!) / 1000)),
            ("times_one", .number(Double(all.min()!) / Double(one.min()!))),
            ("times_same_run", .number(Double(all.min()!) / Double(alone.min()!))),
            cpu(since: processorTime, each: 3))
    }

    func wholeRecords(_ workload: Workload, _ store: InferenceStore) throws {
        var latencies: [Int64] = []
        let processorTime = Bench.processorClock()
        for round in 0..<20 {
            let start = Timestamp(milliseconds: Workload.start + Int64(round) * 86_400_000)
            let window = TimeWindow(start: start, end: start.adding(TimeSpan(microseconds: 86_400_000_000)))
            let before = SystemSources.monotonicClock()
            let rows = try RecordScan(store.log.snapshot()).window(
                topic: Workload.topic(round % workload.pipelineCount), window, limit: 1000)
            var writer = RecordWriter()
            let prepared = rows.batches.map { writer.prepare($0) }
            for (batch, row) in rows.rows { writer.write(row: row, of: prepared[batch]) }
            _ = writer.finish()
            latencies.append(SystemSources.monotonicClock() - before)
        }
        latencies.sort()
        report(
            "records 1000 as JSON", ("median_us", .number(Double(latencies[10]) / 1000)),
            ("best_us", .number(Double(latencies[0]) / 1000)), cpu(since: processorTime, each: 20))
    }
}
