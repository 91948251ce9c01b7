// `assaylog bench`: a reproducible load on a directory of its own, in process; one JSON line a phase.
//
// The workload has the shape of a small fleet's month: pipelines with 29 inputs and one output each,
// records spread evenly over 30 days, committed in batches of one pipeline. Numbers come from a fixed
// seed, so two runs write the same bytes. Ratios to other stores are measured from outside, over HTTP;
// this is for seeing where the time goes.
//
// Here are the options and the order of the phases; what is written is measured in Bench+Appends.swift, what is
// asked in Bench+Questions.swift.

import ArgumentParser
import Catalog
import Glibc
import JSON
import Store

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

    @Option(
        help: "Assays to create, analyse and rebuild, each time in a directory without any; 0 for none.")
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
        if assays > 0, only != [.cold] {
            try await AssayBench.rebuild(StoreConfiguration(directory: directory.data), show)
        }
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
            try await bench.run(show)
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

    // MARK: What the phases share

    /// Processor time of all threads, nanoseconds: what a phase costs, however busy the machine is.
    static func processorClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    func cpu(since start: Int64, each count: Int) -> (String, JSONValue) {
        ("cpu_us", .number(Double(Bench.processorClock() - start) / 1000 / Double(count)))
    }

    func report(_ phase: String, _ figures: (String, JSONValue)...) { show(phase, figures) }

    private func show(_ phase: String, _ figures: [(String, JSONValue)]) {
        print(JSONValue.object(JSONObject([("phase", .string(phase))] + figures)).text)
    }
}
