// What the store's tests stand on: a store with a pipeline in a folder that vanishes, and records written as
// numbers.

import Assays
import Catalog
import Disk
import EventLog
import JSON
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

/// A store with one workspace and one pipeline, `fraud`.
struct Scene {
    let folder: TemporaryFolder
    let clock: ManualClock
    let store: InferenceStore
    let pipeline: Pipeline

    /// - Parameter files: the data directory, where it is another than the folder.
    init(
        _ clock: ManualClock = ManualClock(), runsModels: Bool = false, on files: (any FileSystem)? = nil
    ) async throws {
        let folder = try TemporaryFolder()
        let configuration = folder.configuration(runsModels: runsModels)
        let store = try InferenceStore.open(
            configuration, on: files ?? PosixFileSystem(root: folder.path), sources: clock.sources
        ).store
        try await store.change { catalog in
            [try catalog.createWorkspace(name: "risk", createdBy: "ann", at: clock.now)]
        }
        self.init(
            folder: folder, clock: clock, store: store,
            pipeline: try await Scene.createPipeline("fraud", in: WorkspaceID(1), store, clock))
    }

    init(folder: TemporaryFolder, clock: ManualClock, store: InferenceStore, pipeline: Pipeline) {
        self.folder = folder
        self.clock = clock
        self.store = store
        self.pipeline = pipeline
    }

    @discardableResult
    static func createPipeline(
        _ name: String, in workspaceID: WorkspaceID, _ store: InferenceStore, _ clock: ManualClock
    ) async throws -> Pipeline {
        try await store.change { catalog in
            [
                try catalog.createPipeline(
                    name: name, in: workspaceID, definition: try PipelineDefinition(JSONField(.null)),
                    version: clock.sources.uuid(), createdBy: "ann", at: clock.now)
            ]
        }
        return try store.catalog.pipeline(named: name, in: workspaceID)
    }

    /// A store over a copy of the folder, such as a power cut or a backup would leave.
    func copied() throws -> Scene {
        let folder = try folder.copy()
        let store = try InferenceStore.open(folder.configuration(), sources: clock.sources).store
        return Scene(folder: folder, clock: clock, store: store, pipeline: pipeline)
    }

    /// Closes the store and opens what it left, after a change to its files. It is opened elsewhere: the
    /// old one keeps the lock of its folder for as long as somebody holds it.
    func restarted(_ change: (TemporaryFolder) throws -> Void = { _ in }) async throws -> Scene {
        try await store.close()
        try change(folder)
        return try copied()
    }

    /// Appends records of the field `out.y` at moments in seconds.
    func append(
        _ records: [(seconds: Double, y: Double)], to pipeline: Pipeline? = nil, partition: String = "engine",
        model: String = "m"
    ) async throws {
        let last = "{\"model_name\":\"\(model)\",\"model_sha\":\"00\"}"
        let batch = RecordBatch(
            times: records.map { moment($0.seconds).milliseconds },
            fields: [
                FieldColumn(name: "out.y", values: .scalar(Leaf(.float64(records.map(\.y))))),
                FieldColumn(
                    name: "metadata.last_model",
                    values: .scalar(Leaf(.text(TextColumn(records.map { _ in last }))))),
            ])
        _ = try await store.append(
            batch, topic: (pipeline ?? self.pipeline).topic.name, partition: partition)
    }

    /// An assay over `output y`; its windows are a minute wide, side by side, and start at 0 seconds.
    func createAssay(
        _ name: String = "watch", baseline: String? = nil, start: String? = "\"2024-01-09T19:00:00Z\"",
        width: String = "1 minute", interval: String? = nil, path: String = "output y",
        locations: String = "null", model: String = "null", metric: String = "PSI", isActive: Bool = true,
        more: String = ""
    ) async throws -> AssayID {
        try await store.createAssay(
            Scene.request(
                name, baseline: baseline, start: start, width: width, interval: interval, path: path,
                locations: locations, model: model, metric: metric, isActive: isActive, more: more))
    }

    static let vector = "{\"calculated\":{\"vector\":[1.0,2.0,3.0,4.0]}}"

    /// A baseline of one minute, the one before 0 seconds where nothing is said.
    static func fixed(_ start: String = "2024-01-09T18:59:00Z") -> String {
        """
        {"fixed_window":{"pipeline_name":"fraud","path":"output y","start":"\(start)","width":"1 minute"}}
        """
    }

    /// Each window's own, the minute that begins two minutes before it.
    static let sliding = """
        {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"1 minute"},\
        "offset":"2 minutes"}}
        """

    static func request(
        _ name: String = "watch", baseline: String? = nil, start: String? = "\"2024-01-09T19:00:00Z\"",
        width: String = "1 minute", interval: String? = nil, path: String = "output y",
        locations: String = "null", model: String = "null", metric: String = "PSI", isActive: Bool = true,
        more: String = ""
    ) throws -> AssayRequest {
        let text = """
            {"name":"\(name)","pipeline_id":1,"pipeline_name":"fraud","active":\(isActive),\
            "baseline":\(baseline ?? vector),\
            "window":{"pipeline_name":"fraud","path":"\(path)","width":"\(width)",\
            "interval":\(interval.map { "\"\($0)\"" } ?? "null"),"start":\(start ?? "null"),\
            "locations":\(locations),"model_name":\(model)},\
            "summarizer":{"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density",\
            "metric":"\(metric)","num_bins":2}\(more)}
            """
        return try AssayRequest(JSONField(try JSONValue(parsing: text)))
    }

    var scheduler: AssayScheduler {
        AssayScheduler(store, logger: noLog)
    }

    /// The stored results, as texts.
    func results(_ id: AssayID) throws -> [String] {
        try store.view.results(of: id, startingIn: .always).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Starts of the decided windows in seconds, with revision and reason.
    func decisions(_ id: AssayID) throws -> [String] {
        try #require(store.book[id]).decisions.map { decision in
            let seconds = Double(decision.window.start.microseconds - moment(0).microseconds) / 1_000_000
            let text = seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
            return "\(text):\(decision.reason.rawValue)\(decision.revision)"
        }
    }
}

extension StoreView {
    /// The newest result of each window of an assay that starts in `period`, oldest first.
    func results(of id: AssayID, startingIn period: TimeWindow) throws -> [[UInt8]] {
        let assay = try #require(book[id])
        return try results(of: assay, assay.decisions(startingIn: period))
    }

    /// Every revision of each window of an assay that starts in `period`, by window, then by revision.
    func revisions(of id: AssayID, startingIn period: TimeWindow) throws -> [[UInt8]] {
        let assay = try #require(book[id])
        return try revisions(of: assay, assay.revisions(startingIn: period))
    }
}

extension InferenceStore {
    /// Seals what depends on records of a topic in some periods, or on one field of them, as if they left in `body`.
    @discardableResult
    func sealResults(
        ofTopic topic: String, touching periods: [TimeWindow], field: String? = nil,
        then body: () async throws -> Void = {}
    ) async throws -> SealingReport {
        var report = SealingReport()
        try await sealResults(
            { _ in LeavingRecords(topic: topic, periods: periods, field: field) }, noting: &report, then: body
        )
        return report
    }
}

/// What a call throws, as a text; empty where it throws nothing.
func refusal(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return ""
    } catch {
        return "\(error)"
    }
}

extension InferenceStore {
    /// Says that a partition of a pipeline is an edge location, not home.
    func declareLocation(_ name: String, of pipelineID: PipelineID) async throws {
        try await declare(RecordDeclaration(of: pipelineID, isFromEdge: true), of: name)
    }
}
