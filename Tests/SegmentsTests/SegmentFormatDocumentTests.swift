// The format document's worked example is a segment: what it says is in there is in there, and this
// build writes the same bytes. A change of the format and of its document meet here.

import Bytes
import Records
import Simulation
import TestSupport
import Testing

@testable import Segments

@Suite struct SegmentFormatDocumentTests {
    private let batch = RecordBatch(
        times: [1_700_000_000_000, 1_700_000_000_250],
        fields: [
            FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([1.5, 2.25])))),
            FieldColumn(
                name: "out.label", presence: .each([.value, .null]),
                values: .scalar(Leaf(.text(TextColumn(["cat", ""]))))),
        ])
    private let event = Event(name: "note", document: Array("{}".utf8))
    private let key = KeyEntry(
        topic: "fraud", partition: "engine", key: "retry-1",
        request: Fingerprint(first: 0x0706_0504_0302_0100, second: 0x0F0E_0D0C_0B0A_0908), firstIndex: 5,
        rowCount: 2, time: 1_700_000_000_300)

    @Test("the example of the format document is read as the document says")
    func exampleReads() throws {
        let bytes = try FormatDocument.example(room: "Segments", file: "SegmentFormat.md")
        let file = try SegmentFile(bytes, number: 7)
        let directory = try file.directory()
        #expect(directory.commits == 42...42)
        let entry = try #require(directory.blocks.first)
        #expect(entry.topic == "fraud" && entry.partition == "engine" && entry.kind == .columns)
        #expect(entry.firstIndex == 5 && entry.rowCount == 2)
        #expect(try file.contents(entry) == .records(.columns, "fraud", "engine", 5, [], batch))
        #expect(try directory.events.map { try file.event($0) } == [event])
        var keys: [KeyEntry] = []
        try file.keys(directory.keys) { keys += $0 }
        #expect(keys == [key])
        #expect(try file.scanned().commits == [42])
    }

    @Test("this build writes the example of the format document")
    func exampleIsWritten() throws {
        var builder = try SegmentBuilder(number: 7)
        try builder.append(
            [.event(event), .records(.columns, "fraud", "engine", 5, [], batch), .keys([key])], commit: 42)
        try builder.writer.seal(builder.directory)
        #expect(try builder.bytes == FormatDocument.example(room: "Segments", file: "SegmentFormat.md"))
    }
}
