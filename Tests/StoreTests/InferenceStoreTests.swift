// Invariants checked: the three at the head of InferenceStore.swift, in that order, and what a directory
// gives back: closed, not closed, copied.

import Catalog
import EventLog
import JSON
import Queries
import Records
import Segments
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("The store over one directory")
struct InferenceStoreTests {
    @Test("opening folds what was there: catalogue, assays and records, closed or not")
    func reopening() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(0, 1), (1, 2)])
        try await scene.store.setActive(id, false)
        let catalog = scene.store.catalog
        let book = scene.store.book

        // Not closed: what a power cut would leave, or a backup of a running server.
        let copied = try scene.copied()
        #expect(copied.store.catalog == catalog)
        #expect(copied.store.book == book)
        #expect(copied.store.log.cut == scene.store.log.cut)
        try await copied.store.close()

        scene = try await scene.restarted()
        #expect(scene.store.catalog == catalog)
        #expect(scene.store.book == book)
        let values = try scene.store.view.values(
            of: try Scene.request().definition.window, in: .always)
        #expect(values.values == [1, 2])
        try await scene.store.close()
    }

    @Test("a command's event is durable and folded when the command has returned")
    func durableCommands() async throws {
        let scene = try await Scene()
        for name in ["a", "b", "c"] {
            try await Scene.createPipeline(name, in: WorkspaceID(1), scene.store, scene.clock)
            #expect(scene.store.catalog.pipelines.all.last?.name == name)
            let copy = try scene.copied()
            #expect(copy.store.catalog == scene.store.catalog)
            try await copy.store.close()
        }
        try await scene.store.close()
    }

    @Test("a command that refuses leaves no event")
    func refusedCommands() async throws {
        let scene = try await Scene()
        let cut = scene.store.log.cut
        await #expect(throws: CatalogError.self) {
            try await Scene.createPipeline("fraud", in: WorkspaceID(9), scene.store, scene.clock)
        }
        await #expect(throws: (any Error).self) { try await scene.createAssay(path: "output y 0 0 z 1.5 -1") }
        #expect(scene.store.log.cut == cut)
        #expect(scene.store.book.list().isEmpty)
        try await scene.store.close()
    }

    @Test("commands at once get numbers of their own, in the order of the log")
    func manyCommands() async throws {
        var scene = try await Scene()
        let store = scene.store
        let clock = scene.clock
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    if number % 2 == 0 {
                        try await Scene.createPipeline("p\(number)", in: WorkspaceID(1), store, clock)
                    } else {
                        _ = try await store.createAssay(try Scene.request("a\(number)"))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(store.catalog.pipelines.all.map(\.id.number) == Array(1...21))
        #expect(store.book.list().map(\.id.number) == Array((1...20).reversed()))
        let (catalog, book) = (store.catalog, store.book)
        scene = try await scene.restarted()
        #expect(scene.store.catalog == catalog)
        #expect(scene.store.book == book)
        try await scene.store.close()
    }

    @Test("records of every block size come back, in the order of their addresses, with dense ones")
    func appends() async throws {
        var scene = try await Scene()
        // Small ones, one below and at the bound of column blocks, one of several uneven blocks.
        let bound = SegmentFormat.columnBlockRowCountMin
        let sizes = [1, 2, bound - 1, bound, SegmentFormat.blockRowCountMax * 2 + 1, 3]
        var next = 0
        for size in sizes {
            let batch = RecordBatch(
                times: (next..<next + size).map { moment(Double($0)).milliseconds },
                fields: [
                    FieldColumn(
                        name: "out.y",
                        values: .scalar(Leaf(.float64((next..<next + size).map { Double($0) }))))
                ])
            let span = try await scene.store.append(batch, topic: scene.pipeline.topic.name, partition: "p")
            #expect(span.firstIndex == UInt64(next) && span.endIndex == UInt64(next + size))
            next += size
        }
        for _ in 0..<2 {
            let page = try RecordScan(scene.store.log.snapshot()).page(
                topic: scene.pipeline.topic.name, positions: [:], limit: next + 1)
            #expect(page.rows.rows.count == next)
            #expect(page.next == ["p": UInt64(next)])
            let values = try scene.store.view.values(of: try Scene.request().definition.window, in: .always)
            #expect(values.values == (0..<next).map { Double($0) })
            scene = try await scene.restarted()
        }
        try await scene.store.close()
    }

    @Test("a store is written by one at a time, and read beside whoever writes it")
    func oneWriter() async throws {
        let scene = try await Scene()
        try await scene.append([(0, 1)])
        #expect(throws: LogError.self) {
            try InferenceStore.open(scene.folder.configuration(), sources: scene.clock.sources)
        }
        let (view, report) = try StoreView.open(scene.folder.path, sources: scene.clock.sources)
        #expect(report.damages.isEmpty)
        #expect(view.catalog == scene.store.catalog)
        #expect(try view.values(of: try Scene.request().definition.window, in: .always).values == [1])
        // The view stays at its cut.
        try await scene.append([(1, 2)])
        #expect(try view.values(of: try Scene.request().definition.window, in: .always).values == [1])
        #expect(
            try scene.store.view.values(of: try Scene.request().definition.window, in: .always).values == [
                1, 2,
            ])
        try await scene.store.close()
    }

    @Test("a directory that holds no store is told apart from an empty one of ours")
    func noStore() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: StoreRefusal.self) { try StoreView.open(folder.path) }
        #expect(error?.kind == .unknown)
        #expect(folder.names(in: "") == [])
        #expect(throws: StoreRefusal.self) { try StoreView.open(folder.path + "/nowhere") }
    }

    @Test("longer lists than a block can say are refused by their field, and nothing is stored")
    func longLists() async throws {
        let scene = try await Scene()
        let count = RecordLimits.listElementCountMax + 1
        let leaf = Leaf(.bool([Bool](repeating: true, count: count)))
        let batch = RecordBatch(
            times: [0], fields: [FieldColumn(name: "in.flags", values: .list(lengths: [Int32(count)], leaf))])
        let topic = scene.pipeline.topic.name
        let told = await refusal {
            _ = try await scene.store.append(batch, topic: topic, partition: "engine")
        }
        #expect(told.contains("the lists of field \"in.flags\" have \(count) elements"), "\(told)")
        #expect(scene.store.log.snapshot().index.topics[topic]?.rowCount ?? 0 == 0)
        try await scene.store.close()
    }

    @Test("posts that would be read twice are read by those who bring them, and are the same records")
    func readAtHome() async throws {
        let scene = try await Scene()
        let source = AppendSource(topic: scene.pipeline.topic.name, partition: "engine")
        func post(_ text: String) async throws -> AppendedSpan {
            try await scene.store.append(
                try #require(
                    PostedRecords(Array(text.utf8), as: .array, float32Fields: [], time: 7, to: source)))
        }
        let (posterCount, postCount) = (16, 40)
        // Lists that grow: no two posts make one body.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for poster in 0..<posterCount {
                group.addTask {
                    for number in 0..<postCount {
                        let list = [String](repeating: "\(poster)", count: 1 + (poster + number) % 9)
                        let span = try await post(
                            "[{\"time\":\(number),\"x\":[\(list.joined(separator: ","))]}]")
                        #expect(span.endIndex == span.firstIndex + 1)
                    }
                }
            }
            try await group.waitForAll()
        }
        let counts = scene.store.log.reading.counts
        // What was on its way when it was found out; not what came after.
        #expect(counts.twice <= 2 * posterCount, "\(counts)")
        #expect(counts.twice == 0 || counts.atHome > 0, "\(counts)")
        #expect(scene.store.log.snapshot().index.topics[source.topic]?.rowCount == posterCount * postCount)
        // Told here, a fault is the same.
        if counts.atHome > 0 {
            await #expect(
                throws: LogError.refused(
                    .refused(
                        row: 0, field: "time",
                        problem:
                            "is true; it must be whole milliseconds since 1970, of the years 0001 to 9999"))
            ) {
                _ = try await post("[{\"time\":true}]")
            }
        }
        try await scene.store.close()
    }
}
