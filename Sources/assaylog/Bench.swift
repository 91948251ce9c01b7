// `assaylog bench`: a reproducible load on a directory of its own, in process; one JSON line a phase.
//
// The workload has the shape of a small fleet's month: pipelines with 29 inputs and one output each,
// records spread evenly over 30 days, committed in batches of one pipeline. Numbers come from a fixed
// seed, so two runs write the same bytes. Ratios to other stores are measured from outside, over HTTP;
// this is for seeing where the time goes.

import ArgumentParser
import Assays
import Catalog
import EventLog
import Glibc
import JSON
import Queries
import Records
import Store
import Summaries
import Wire

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure appends, windows, replays and whole records on generated data.",
        discussion: """
            Example:
              assaylog bench --data /tmp/bench --records 1000000

            The directory must be new, or one that `bench` made with the same options: then nothing is
            appended, and the questions are asked again. Prints one JSON line for each phase; latencies in
            microseconds.
            """)

    @OptionGroup var directory: DataDirectory

    @Option(help: "How many records in all.")
    var records = 1_000_000

    @Option(help: "Records of one commit.")
    var rows = 1000

    @Option(help: "Pipelines, each with its own topic.")
    var pipelines = 8

    @Flag(help: "Inputs as decimals of 10 digits, as clients post them, instead of float32.")
    var decimals = false

    @Option(help: "Clients that append at once.")
    var clients = 1

    @Option(help: "Questions of each kind.")
    var questions = 200

    @Option(help: "Assays to create and analyse, each time in a directory without any; 0 for none.")
    var assays = 0

    @Option(help: "Hours that are complete before the assays are there.")
    var assayHours = 1

    @Option(help: "Only these phases: append, windows, replay, paths, records, parse.")
    var only: [Phase] = []

    enum Phase: String, ExpressibleByArgument, CaseIterable {
        case append, windows, replay, paths, records, parse
    }

    func validate() throws {
        guard records >= rows, rows > 0, pipelines > 0, clients > 0, questions > 0, assays >= 0,
            assayHours > 0
        else {
            throw ValidationError(
                "--records, --rows, --pipelines, --clients and --questions must be positive, records ≥ rows.")
        }
    }

    func run() async throws {
        let opening = SystemSources.monotonicClock()
        let clock = AssayBench.Clock()
        let (store, _) = try InferenceStore.open(
            StoreConfiguration(directory: directory.data), sources: SystemSources(now: { clock.now }))
        let opened = SystemSources.monotonicClock()
        let workload = Workload(pipelineCount: pipelines, recordCount: records, decimals: decimals)
        let phases = only.isEmpty ? Phase.allCases : only
        if store.view.catalog.workspaces.all.isEmpty {
            try await create(workload, store)
            try await append(workload, store)
        } else {
            guard store.view.catalog.pipelines.all.first?.name == Workload.name(0) else {
                throw ValidationError(
                    "\(directory.data) is not new; give a directory of the benchmark's own.")
            }
            report("open", ("us", .number(Double(opened - opening) / 1000)))
        }
        if phases.contains(.windows) { try windows(workload, store) }
        if phases.contains(.replay) { try replay(workload, store) }
        if phases.contains(.paths) { try allPaths(workload, store) }
        if phases.contains(.records) { try wholeRecords(workload, store) }
        if phases.contains(.parse) { try parse(workload) }
        if assays > 0 {
            guard store.view.book.list().isEmpty else {
                throw ValidationError("\(directory.data) has assays already; give a directory without any.")
            }
            let bench = AssayBench(store: store, clock: clock, assayCount: assays, hourCount: assayHours)
            try await bench.run { phase, figures in
                print(JSONValue.object(JSONObject([("phase", .string(phase))] + figures)).text)
            }
        }
        try await store.close()
    }

    private func create(_ workload: Workload, _ store: InferenceStore) async throws {
        let now = store.sources.now()
        try await store.change { [try $0.createWorkspace(name: "bench", createdBy: "bench", at: now)] }
        for pipeline in 0..<workload.pipelineCount {
            let definition = try PipelineDefinition(JSONField(.object(JSONObject())))
            try await store.change {
                [
                    try $0.createPipeline(
                        name: Workload.name(pipeline), in: $0.workspaces.all[0].id, definition: definition,
                        version: store.sources.uuid(), createdBy: "bench", at: now)
                ]
            }
        }
    }

    // MARK: Phases

    private func append(_ workload: Workload, _ store: InferenceStore) async throws {
        let commits = workload.recordCount / rows
        let (rows, clients) = (self.rows, self.clients)
        // Batches are made beforehand, a few hundred at a time, so that making them is not measured.
        var nanoseconds: Int64 = 0
        var processorNanoseconds: Int64 = 0
        var done = 0
        while done < commits {
            let group = min(256, commits - done)
            let batches = (done..<done + group).map { workload.batch($0, rows: rows) }
            let first = done
            let start = SystemSources.monotonicClock()
            let processorStart = Bench.processorClock()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for client in 0..<clients {
                    tasks.addTask {
                        for position in stride(from: client, to: group, by: clients) {
                            let topic = Workload.topic(workload.pipeline(first + position))
                            _ = try await store.append(batches[position], topic: topic, partition: "bench")
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            nanoseconds += SystemSources.monotonicClock() - start
            processorNanoseconds += Bench.processorClock() - processorStart
            done += group
        }
        let byteCount = store.log.snapshot().index.topics.values.reduce(0) { $0 + $1.byteCount }
        let count = commits * rows
        report(
            "append", ("records", .integer(count)), ("rows_per_commit", .integer(rows)),
            ("clients", .integer(clients)),
            ("rows_per_second", .integer(Int(Double(count) / (Double(nanoseconds) / 1e9)))),
            ("bytes_per_record", .number(Double(byteCount) / Double(count))),
            ("cpu_us_per_record", .number(Double(processorNanoseconds) / Double(count) / 1000)))
    }

    private func windows(_ workload: Workload, _ store: InferenceStore) throws {
        var generator = Generator(state: 7)
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

    private func replay(_ workload: Workload, _ store: InferenceStore) throws {
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

    /// The same replay of every input and the output: whole summaries and scores of 720 windows each.
    private func allPaths(_ workload: Workload, _ store: InferenceStore) throws {
        let view = store.view
        let pipeline = view.catalog.pipelines.all[0].id.number
        let requests = try (["output dense_1 0"] + (0..<29).map { "input dense_input \($0)" }).map { path in
            try AssayRequest(
                JSONField(
                    try JSONValue(parsing: workload.assay(pipeline: 0, pipelineID: pipeline, path: path))),
                nameIsNeeded: false)
        }
        var times: [Int64] = []
        let processorTime = Bench.processorClock()
        for _ in 0..<3 {
            let start = SystemSources.monotonicClock()
            for request in requests { _ = try view.runInteractive(request) }
            times.append(SystemSources.monotonicClock() - start)
        }
        report(
            "replay of all paths", ("paths", .integer(requests.count)),
            ("best_us", .number(Double(times.min()!) / 1000)),
            ("median_us", .number(Double(times.sorted()[1]) / 1000)), cpu(since: processorTime, each: 3))
    }

    private func wholeRecords(_ workload: Workload, _ store: InferenceStore) throws {
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

    private func parse(_ workload: Workload) throws {
        var writer = RecordWriter()
        writer.write(workload.batch(0, rows: rows))
        let body = writer.finish()
        var best = Int64.max
        for _ in 0..<questions {
            let start = SystemSources.monotonicClock()
            _ = try RecordParser.parse(body, as: .array)
            best = min(best, SystemSources.monotonicClock() - start)
        }
        report(
            "parse JSON", ("rows_per_second", .integer(Int(Double(rows) / (Double(best) / 1e9)))),
            ("megabytes_per_second", .number(Double(body.count) / Double(best) * 1000)),
            ("bytes_per_record", .integer(body.count / rows)))
    }

    /// Processor time of all threads, nanoseconds: what a phase costs, however busy the machine is.
    static func processorClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private func cpu(since start: Int64, each count: Int) -> (String, JSONValue) {
        ("cpu_us", .number(Double(Bench.processorClock() - start) / 1000 / Double(count)))
    }

    private func report(_ phase: String, _ figures: (String, JSONValue)...) {
        print(JSONValue.object(JSONObject([("phase", .string(phase))] + figures)).text)
    }
}

/// The generated month.
private struct Workload: Sendable {
    /// 2026-01-01T00:00:00Z, in milliseconds.
    static let start: Int64 = 1_767_225_600_000
    /// Thirty days.
    static let span: Int64 = 30 * 86_400_000

    let pipelineCount: Int
    let recordCount: Int
    let decimals: Bool

    static let settings: SummarizerSettings = {
        do { return try SummarizerSettings(JSONField(try JSONValue(parsing: settingsText))) } catch {
            preconditionFailure("The benchmark's own settings are valid: \(error)")
        }
    }()

    private static let settingsText = """
        {"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density","metric":"PSI","num_bins":5}
        """

    static func name(_ pipeline: Int) -> String { "bench-\(pipeline)" }

    static func topic(_ pipeline: Int) -> String { "workspace-1-pipeline-bench-\(pipeline)-inference" }

    func pipeline(_ commit: Int) -> Int { commit % pipelineCount }

    /// An hourly assay of one output over the whole month, as its request.
    func assay(pipeline: Int, pipelineID: Int, path: String = "output dense_1 0") -> [UInt8] {
        let first = Timestamp(milliseconds: Workload.start).zuluText
        let last = Timestamp(milliseconds: Workload.start + Workload.span).zuluText
        return Array(
            """
            {"pipeline_id": \(pipelineID), "pipeline_name": "\(Workload.name(pipeline))", "run_until": "\(last)",
             "baseline": {"fixed_window": {"pipeline_name": "\(Workload.name(pipeline))", "width": "24 hours",
                          "start": "\(first)", "path": "\(path)"}},
             "window": {"pipeline_name": "\(Workload.name(pipeline))", "width": "1 hour", "start": "\(first)",
                        "path": "\(path)"},
             "summarizer": \(Workload.settingsText)}
            """.utf8)
    }

    /// The records of one commit.
    func batch(_ commit: Int, rows: Int) -> RecordBatch {
        var generator = Generator(state: UInt64(commit) &* 0x9E37_79B9)
        let step = Double(Workload.span) / Double(recordCount)
        let times = (0..<rows).map { row in
            // Batches of the pipelines come round robin; a pipeline's records are evenly spread.
            let position = (commit / pipelineCount) * rows + row
            return Workload.start + Int64(Double(position * pipelineCount + commit % pipelineCount) * step)
        }
        let inputs = (0..<29).map { _ -> Leaf in
            if decimals {
                return Leaf(.float64((0..<rows).map { _ in (generator.normal() * 1e10).rounded() / 1e10 }))
            }
            return Leaf(.float32((0..<rows).map { _ in Float(generator.normal()) }))
        }
        let output = Leaf(.float32((0..<rows).map { _ in Float(exp(generator.normal() - 7)) }))
        let elapsed = [5_000_000, 600_000].map { base in
            Leaf(.int64((0..<rows).map { _ in base + Int64(generator.next() % 100_000) }))
        }
        func constant(_ text: String) -> FieldValues {
            .scalar(Leaf(.text(TextColumn(Array(repeating: text, count: rows)))))
        }
        return RecordBatch(
            times: times,
            fields: [
                FieldColumn(name: "in.dense_input", values: .fixedList(inputs)),
                FieldColumn(name: "out.dense_1", values: .fixedList([output])),
                FieldColumn(name: "check_failures", values: .fixedList([])),
                FieldColumn(
                    name: "metadata.last_model",
                    values: constant(
                        #"{"model_name":"bench","model_sha":"bc85ce596945f876256f41515c7501c399fd97ebcb9ab3dd41bf03f8937b4507"}"#
                    )),
                FieldColumn(
                    name: "metadata.pipeline_version",
                    values: constant("2f4bf3ac-48bb-4798-b59a-81de844248d1")),
                FieldColumn(name: "metadata.elapsed", values: .fixedList(elapsed)),
                FieldColumn(name: "metadata.dropped", values: .fixedList([])),
                FieldColumn(name: "metadata.partition", values: constant("engine-b4789c964-cnjjb")),
            ])
    }
}

/// SplitMix64, and normal deviates from it.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Box–Muller.
    mutating func normal() -> Double {
        let first = Double.random(in: Double.leastNonzeroMagnitude...1, using: &self)
        let second = Double.random(in: 0..<1, using: &self)
        return (-2 * log(first)).squareRoot() * cos(2 * Double.pi * second)
    }
}
