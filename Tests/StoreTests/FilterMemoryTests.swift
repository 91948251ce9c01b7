// Checked: the invariants at the heads of RecordScan+Presence.swift and FilterMemory.swift, by the reads of a
// disk that is watched. A topic of six blocks; its records are of model "m", those of the last block of "new".

import Assays
import Disk
import Foundation
import JSON
import Queries
import Records
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Looking for a model that no record is of")
struct FilterMemoryTests {
    /// Counts reads of segments, and may act at one of them.
    final class ReadCount: Sendable {
        private let state = Mutex<(count: Int, limit: Int, act: @Sendable () -> Void)>((0, .max, {}))

        func note(_ file: String) {
            guard file.contains("segment") else { return }
            let act = state.withLock { state -> (@Sendable () -> Void)? in
                state.count += 1
                return state.count == state.limit ? state.act : nil
            }
            act?()
        }

        func reads(during body: () throws -> Void) rethrows -> Int {
            state.withLock { $0.count = 0 }
            try body()
            return state.withLock { $0.count }
        }

        func act(at limit: Int, _ act: @escaping @Sendable () -> Void) {
            state.withLock { $0 = (0, limit, act) }
        }

        var count: Int { state.withLock { $0.count } }
    }

    static func watched() async throws -> (store: InferenceStore, scene: Scene, reads: ReadCount) {
        let scene = try await Scene()
        for block in 0..<6 {
            try await scene.append(
                (0..<300).map { (Double(block * 1000 + $0), 1) }, model: block == 5 ? "new" : "m")
        }
        try await scene.store.close()
        let (folder, reads) = (try scene.folder.copy(), ReadCount())
        let files = WatchedFiles(PosixFileSystem(root: folder.path)) { file, call in
            if case .read = call { reads.note(file) }
        }
        let store = try InferenceStore.open(
            folder.configuration(), on: files, sources: scene.clock.sources
        ).store
        return (
            store, Scene(folder: folder, clock: scene.clock, store: store, pipeline: scene.pipeline), reads
        )
    }

    static func request(_ model: String) throws -> AssayRequest {
        let window = "\"pipeline_name\":\"fraud\",\"model_name\":\"\(model)\",\"path\":\"output y\""
        let baseline =
            "{\"calculated\":{\"sliding_window\":{\"window\":{\(window),\"width\":\"1 minute\"},"
            + "\"offset\":\"1 minute\"}}}"
        let text = """
            {"name":"watch","pipeline_id":1,"pipeline_name":"fraud","active":true,"baseline":\(baseline),\
            "window":{\(window),"width":"1 minute","start":"2024-01-09T19:00:00Z"},\
            "summarizer":{"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density",\
            "metric":"PSI","num_bins":2}}
            """
        return try AssayRequest(JSONField(try JSONValue(parsing: text)))
    }

    @Test("an assay of an unknown model looks once at what its records are of, and no window is read for it")
    func once() async throws {
        let (store, scene, reads) = try await Self.watched()
        let filter = RecordFilter(modelName: "nobody")
        let single = try reads.reads {
            let mayHold = try RecordScan(store.log.snapshot())
                .mayHold(topic: scene.pipeline.topic.name, filter)
            #expect(!mayHold)
        }
        #expect(single >= 6, "a read for each block at least")
        scene.clock.set(moment(10_000))
        let view = store.view
        let all = try reads.reads {
            let definition = try view.creatable(Self.request("nobody"))
            let coverage = try view.coverage(of: definition, at: moment(10_000))
            #expect(coverage.problem?.hasPrefix("field \"window.model_name\" is \"nobody\"") == true)
            #expect(
                coverage.baselineProblem?.hasPrefix("field \"baseline.sliding_window.window.model_name\"")
                    == true)
            #expect(coverage.windowCount == 0 && coverage.first == moment(0))
        }
        #expect(all == single)
        // Another view is about other records.
        let again = try reads.reads {
            _ = try store.view.filterProblem(Self.request("nobody").definition.window, .ofWindow)
        }
        #expect(again == single)
        try await store.close()
    }

    @Test("the first record of the model ends the look")
    func firstHit() async throws {
        let (store, _, reads) = try await Self.watched()
        let spec = try Self.request("new").definition.window
        let last = try reads.reads {
            let problem = try store.view.filterProblem(spec, .ofWindow)
            #expect(problem == nil)
        }
        #expect(last <= 2, "the last block's head and its column")
        try await store.close()
    }

    @Test("a look that nobody waits for ends at its next block, and creates nothing")
    func cancelled() async throws {
        let (store, scene, reads) = try await Self.watched()
        let request = try Self.request("nobody")
        let task = Mutex<Task<AssayCoverage, any Error>?>(nil)
        let whole = try reads.reads { _ = try store.view.coverage(of: request.definition, at: moment(0)) }
        reads.act(at: 2) { task.withLock { $0 }?.cancel() }
        task.withLock { task in
            task = Task { try store.view.coverage(of: request.definition, at: moment(0)) }
        }
        let running = try #require(task.withLock { $0 })
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect(reads.count <= 3 && whole >= 6)
        // Of a baseline that is read.
        scene.clock.set(moment(100))
        let creation = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await store.createAssay(
                Scene.request(baseline: Scene.fixed("2024-01-09T19:00:00Z")))
        }
        await #expect(throws: CancellationError.self) { try await creation.value }
        #expect(store.book.list().isEmpty)
        try await store.close()
    }
}
