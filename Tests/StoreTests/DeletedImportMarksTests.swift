// Invariants checked: of InferenceStore+Import.swift that marks end with a deletion, and with nothing else.

import EventLog
import Records
import TestSupport
import Testing

@testable import Store

@Suite("Marks of imports, after a deletion")
struct DeletedImportMarksTests {
    static let (topic, partition) = ("risk/fraud", "import")

    private func append(
        _ rows: Range<Int>, to store: InferenceStore, partition: String = DeletedImportMarksTests.partition
    )
        async throws
    {
        var mark = ImportMark(
            topic: Self.topic, partition: partition, path: "/records", byteCount: rows.upperBound,
            rowCount: rows.upperBound, digest: "", checksum: UInt32(rows.upperBound), at: moment(0))
        mark.begin = ImportMark.Place(byteCount: rows.lowerBound, checksum: UInt32(rows.lowerBound))
        _ = try await store.append(
            HousekeepingTests.batch(rows.lowerBound, count: rows.count), mark: mark)
    }

    private func places(_ store: InferenceStore, partition: String = DeletedImportMarksTests.partition)
        -> [Int]
    {
        store.view.importMarks(topic: Self.topic, partition: partition).marks.map(\.byteCount)
    }

    @Test("marks end with the records that are deleted, not with those that retention or a redaction let go")
    func deletion() async throws {
        let scene = try await Scene()
        try await append(0..<1200, to: scene.store)
        try await append(1200..<2400, to: scene.store)
        try await append(0..<10, to: scene.store, partition: "other")
        #expect(places(scene.store) == [2400])
        let old = Tombstone(
            topic: Self.topic, reason: .retention, ranges: ["other": IndexRanges(0..<10)])
        #expect(try await scene.store.log.letGo(old) != nil)
        #expect(places(scene.store, partition: "other") == [10])
        // As a redaction deletes records that are damaged.
        let damaged = Tombstone(
            topic: Self.topic, reason: .deletion, ranges: [Self.partition: IndexRanges(0..<1200)])
        _ = try await scene.store.log.erase { _ in damaged }
        #expect(places(scene.store) == [2400])
        _ = try await scene.store.redact("in.x", ofTopic: Self.topic)
        #expect(places(scene.store) == [2400])
        _ = try await scene.store.deleteRecords(ofTopic: Self.topic)
        #expect(places(scene.store) == [])
        #expect(places(scene.store, partition: "other") == [])
        try await append(0..<5, to: scene.store)
        let again = try await scene.restarted()
        #expect(places(again.store) == [5])
        try await again.store.close()
    }
}
