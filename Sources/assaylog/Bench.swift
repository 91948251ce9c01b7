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
            appended, and the questions are asked again. Where other options are seen to have made it, that is
            said. Prints one JSON line for each phase; latencies in microseconds.
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

    @Option(help: "Which question the cold opening is asked.")
    var coldQuestion = 0

    @Option(help: "Assays to create and analyse, each time in a directory without any; 0 for none.")
    var assays = 0

    @Option(help: "Hours that are complete before the assays are there.")
    var assayHours = 1

    @Option(
        help: """
            Only these phases: append, settle, windows, replay, paths, records, parse, cold, json. The last one \
            appends bodies of JSON, and only where it is named.
            """)
    var only: [Phase] = []

    enum Phase: String, ExpressibleByArgument, CaseIterable {
        case append, settle, windows, replay, paths, records, parse, cold
        /// By name only: it appends, and the others ask of what `append` wrote.
        case json
    }

    func validate() throws {
        guard records >= rows, rows > 0, pipelines > 0, clients > 0, questions > 0,
            coldQuestion >= 0, assays >= 0, assayHours > 0
        else {
            throw ValidationError(
                "--records, --rows, --pipelines, --clients and --questions must be positive, records ≥ rows.")
        }
    }

    func run() async throws {
        if only != [.cold] { try await measureOpen() }
        // With the store let go: it is its one writer's, as long as that lives.
        if only.isEmpty || only.contains(.cold) { try await cold() }
    }

    private func measureOpen() async throws {
        let opening = SystemSources.monotonicClock()
        let clock = AssayBench.Clock()
        let (store, _) = try InferenceStore.open(
            StoreConfiguration(directory: directory.data), sources: SystemSources(now: { clock.now }))
        let opened = SystemSources.monotonicClock()
        let workload = Workload(pipelineCount: pipelines, recordCount: records, decimals: decimals)
        let phases = only.isEmpty ? Phase.allCases.filter { $0 != .json } : only
        if store.view.catalog.workspaces.all.isEmpty {
            try await create(workload, store)
            if phases != [.json] { try await append(workload, store) }
        } else {
            guard store.view.catalog.pipelines.all.first?.name == Workload.name(0) else {
                throw ValidationError(
                    "\(directory.data) is not new; give a directory of the benchmark's own.")
            }
            if let note = workload.difference(from: store, rows: rows) {
                Output.note("note: \(directory.data) \(note)")
            }
            report("open", ("us", .number(Double(opened - opening) / 1000)))
        }
        if phases.contains(.settle) { try await settle(store) }
        if phases.contains(.windows) { try windows(workload, store) }
        if phases.contains(.replay) { try replay(workload, store) }
        if phases.contains(.paths) { try await allPaths(workload, store) }
        if phases.contains(.records) { try wholeRecords(workload, store) }
        if phases.contains(.parse) { try parse(workload) }
        if phases.contains(.json) { try await appendJSON(store) }
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

    /// What the server does in the background once segments have come to rest, here waited for.
    private func settle(_ store: InferenceStore) async throws {
        let processorTime = Bench.processorClock()
        let start = SystemSources.monotonicClock()
        let made = try await store.compact()
        report(
            "settle", ("us", .number(Double(SystemSources.monotonicClock() - start) / 1000)),
            ("segments", .integer(made.segmentsAfter)), ("bytes", .integer(made.bytesAfter)),
            cpu(since: processorTime, each: 1))
    }

    /// Opens the store and asks for an hour, with nothing of its files in memory: where this phase is asked for
    /// alone, the first question of a new process.
    private func cold() async throws {
        var generator = Generator(state: UInt64(coldQuestion))
        Bench.forgetFiles(under: directory.data)
        let start = Workload.start + Int64(generator.next() % UInt64(Workload.span - 3_600_000))
        let window = TimeWindow(
            start: Timestamp(milliseconds: start), end: Timestamp(milliseconds: start + 3_600_000))
        let query = WindowQuery(
            topic: Workload.topic(Int(generator.next() % UInt64(pipelines))), window: window,
            path: try IOPath(parsing: "input dense_input \(generator.next() % 29)"))
        let processorTime = Bench.processorClock()
        let before = SystemSources.monotonicClock()
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: directory.data))
        let opened = SystemSources.monotonicClock()
        let values = try ColumnScan(store.log.snapshot()).values(query, wantsTimes: false)
        // Of few records, an hour may have none.
        let sample = SortedSample(values.values)
        if sample.count > 0 { _ = try Summarizer(Workload.settings).baseline(of: sample) }
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

    /// The same replay of every input and the output in one run: whole summaries and scores of 720 windows
    /// each, ranked. Said with it is how many times one path's replay that is, and how many times the same run
    /// with the output alone.
    private func allPaths(_ workload: Workload, _ store: InferenceStore) async throws {
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

    /// Bodies as clients post them, one after another: parsed and made durable by what a request's handler
    /// calls once the bytes are there.
    private func appendJSON(_ store: InferenceStore) async throws {
        let workload = Workload(pipelineCount: pipelines, recordCount: records, decimals: true)
        let topic = Workload.topic(0)
        let partition = "bench-json"
        func storedCount() -> UInt64 {
            store.log.snapshot().index.topics[topic]?.nextIndexes[partition] ?? 0
        }
        let before = storedCount()
        let commits = min(workload.recordCount, 500_000) / rows
        var nanoseconds: Int64 = 0
        var parsing: Int64 = 0
        var processorNanoseconds: Int64 = 0
        var byteCount = 0
        var done = 0
        while done < commits {
            // Made beforehand, and few at a time: a body of 1,000 rows has most of a megabyte.
            let bodies = (done..<min(done + 64, commits)).map { commit in
                var writer = RecordWriter()
                writer.write(workload.batch(commit, rows: rows))
                return writer.finish()
            }
            let start = SystemSources.monotonicClock()
            let processorStart = Bench.processorClock()
            for body in bodies {
                let float32Fields = store.float32Fields(ofTopic: topic)
                let now = store.sources.now().milliseconds
                let parseStart = SystemSources.monotonicClock()
                var parsed = try RecordParser.parse(body, as: .array, float32Fields: float32Fields)
                parsing += SystemSources.monotonicClock() - parseStart
                for row in parsed.timeAbsent { parsed.batch.times[Int(row)] = now }
                _ = try await store.append(parsed.batch, topic: topic, partition: partition)
            }
            nanoseconds += SystemSources.monotonicClock() - start
            processorNanoseconds += Bench.processorClock() - processorStart
            byteCount += bodies.reduce(0) { $0 + $1.count }
            done += bodies.count
        }
        let count = commits * rows
        guard storedCount() - before == UInt64(count) else {
            throw ValidationError(
                "\(storedCount() - before) records are stored of \(count) that were appended.")
        }
        report(
            "json", ("records", .integer(count)), ("rows_per_body", .integer(rows)),
            ("rows_per_second", .integer(Int(Double(count) / (Double(nanoseconds) / 1e9)))),
            ("parse_us_per_body", .number(Double(parsing) / Double(commits) / 1000)),
            ("bytes_per_row_posted", .integer(byteCount / count)),
            ("cpu_us_per_record", .number(Double(processorNanoseconds) / Double(count) / 1000)))
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
