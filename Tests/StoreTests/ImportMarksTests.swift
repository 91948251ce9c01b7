// Invariant checked: the last at the head of InferenceStore+Import.swift, and with it the one of
// TopicIndex+Commits.swift.

import Disk
import EventLog
import Records
import Testing

@testable import Store

@Suite("Marks of imports that cannot be read")
struct ImportMarksTests {
    /// A store into which files are read.
    private struct Imports {
        let scene: Scene
        var topic: String { scene.pipeline.topic.name }

        /// Reads a part of a file; the parts of a file follow each other.
        @discardableResult
        func read(
            _ path: String, part: Int, into partition: String = "engine", count: Int = 300
        ) async throws -> EventPlace {
            func place(_ part: Int) -> ImportMark.Place {
                part == 0
                    ? .start : .init(byteCount: part * 1000, checksum: UInt32(path.utf8.count * 100 + part))
            }
            var mark = ImportMark(
                topic: topic, partition: partition, path: path, byteCount: part * 1000,
                rowCount: part * count,
                digest: "", checksum: place(part).checksum, at: scene.clock.now)
            mark.begin = place(part - 1)
            _ = try await scene.store.append(HousekeepingTests.batch(part * 300, count: count), mark: mark)
            return try #require(
                Array(scene.store.log.snapshot().index.events).last {
                    $0.entry.name == InferenceStore.importEventName
                })
        }

        func damage(_ place: EventPlace) throws {
            try SealableResultTests.damage(
                scene.folder, FileName.segment(place.segment), at: place.entry.offset,
                byteCount: place.entry.byteCount)
        }

        func marks(_ partition: String = "engine") -> ImportMarks {
            scene.store.view.importMarks(topic: topic, partition: partition)
        }
    }

    private static func imports() async throws -> Imports { Imports(scene: try await Scene()) }

    // It stopped the imports of all partitions.
    @Test("a damaged mark stops imports into its own partition alone, of columns and of small posts")
    func otherPartition() async throws {
        let imports = try await Self.imports()
        for (partition, count) in [("columns", 300), ("small", 3)] {
            try await imports.read("before", part: 1)
            let last = try await imports.read("file", part: 1, into: partition, count: count)
            try await imports.read("after", part: 1)
            try imports.damage(last)
            let told = try #require(imports.marks(partition).unread.first)
            #expect(
                told.contains(FileName.segment(last.segment)) && told.contains("byte \(last.entry.offset)"))
            #expect(imports.marks().unread == [] && imports.marks("nothing was read into it").unread == [])
        }
        #expect(imports.scene.store.view.importMarks(topic: "another", partition: "columns").unread == [])
        try await imports.scene.store.close()
    }

    @Test("a mark may be of records that were let go")
    func letGo() async throws {
        let imports = try await Self.imports()
        let first = try await imports.read("file", part: 1)
        try await imports.read("file", part: 2)
        try await imports.read("other", part: 1, into: "edge-1")
        let store = imports.scene.store
        _ = try await store.log.letGo(
            Tombstone(topic: imports.topic, reason: .retention, ranges: ["engine": IndexRanges(0..<300)]))
        #expect(
            store.log.snapshot().index.topics[imports.topic]?.mayHold(first.entry.commit, in: "engine")
                == true)
        #expect(
            store.log.snapshot().index.topics[imports.topic]?.mayHold(first.entry.commit, in: "edge-1")
                == false)
        try await store.close()
    }

    @Test("a damaged mark that the import went on from hides nothing; one that may be the last is told of")
    func superseded() async throws {
        let imports = try await Self.imports()
        var places: [EventPlace] = []
        for part in 1...4 { places.append(try await imports.read("file", part: part)) }
        try imports.damage(places[1])
        #expect(imports.marks().unread == [])
        #expect(imports.marks().marks.first?.byteCount == 4000)
        // The other file's only one: which of the two was gone on from is not known.
        let other = try await imports.read("other", part: 1)
        try imports.damage(other)
        #expect(imports.marks().unread.count == 2)
        try await imports.scene.store.close()
    }

    @Test("a damaged last mark is told of, also where an earlier import of the file goes on elsewhere")
    func last() async throws {
        let imports = try await Self.imports()
        try await imports.read("file", part: 1)
        try imports.damage(try await imports.read("file", part: 2))
        #expect(imports.marks().unread.count == 1)
        // Goes on from what can be read, not from what cannot.
        try await imports.read("file", part: 2)
        #expect(imports.marks().unread.count == 1)
        try await imports.scene.store.close()
    }
}
