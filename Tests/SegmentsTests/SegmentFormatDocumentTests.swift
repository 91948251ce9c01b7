// The format document's worked examples are segments: what it says is in there is in there, and this
// build writes the same bytes. Its lists are what the code says. A change of the format and of its document
// meet here.

import Disk
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Bytes
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

    // MARK: The rewritten segment

    /// Two blocks of one partition, as they were committed.
    private let blocks = [
        RecordBatch(
            times: [1_700_000_000_000, 1_700_000_000_250],
            fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([1.5, 2.25]))))]),
        RecordBatch(
            times: [1_700_000_000_500, 1_700_000_000_750],
            fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([0.5, 0.75]))))]),
    ]

    @Test("the rewritten example of the format document is read as the document says")
    func rewrittenExampleReads() throws {
        let bytes = try FormatDocument.example(room: "Segments", file: "SegmentFormat.md", number: 1)
        let file = try SegmentFile(bytes, number: 9)
        #expect(try file.checkHeader() == .rewritten(cut: 50))
        let directory = try file.directory()
        #expect(directory.commits == 42...43)
        #expect(directory.blocks.map(\.kind) == [.grouped, .grouped])
        #expect(directory.blocks.map(\.indexes) == [5..<7, 7..<9])
        let runs = [CommitRun(commit: 42, rowCount: 2), CommitRun(commit: 43, rowCount: 2)]
        for (position, entry) in directory.blocks.enumerated() {
            #expect(
                try file.contents(entry)
                    == .records(
                        .grouped, "fraud", "engine", UInt64(5 + 2 * position), [runs[position]],
                        blocks[position]))
        }
        #expect(try file.scanned().envelopes == [try directory.blocks.map { try file.contents($0) }])
    }

    @Test("this build writes the rewritten example of the format document")
    func rewrittenExampleIsWritten() throws {
        var builder = try SegmentBuilder(number: 7)
        for (position, batch) in blocks.enumerated() {
            try builder.append(
                [.records(.columns, "fraud", "engine", UInt64(5 + 2 * position), [], batch)],
                commit: UInt64(42 + position))
        }
        let source = try builder.file()
        let writer = try SegmentWriter(
            creating: 9, in: "", on: builder.disk, as: .rewritten(cut: 50))
        var envelope = EnvelopeWriter()
        var directory = SegmentDirectory()
        directory.note(commit: 42)
        directory.note(commit: 43)
        let entries = envelope.append(
            group: try builder.directory.blocks.map { try GroupMember($0, of: source) })
        let start = try writer.append(envelope.finish(commit: 43, segment: 9))
        for var entry in entries {
            entry.offset += start
            directory.blocks.append(entry)
        }
        try writer.seal(directory)
        let bytes = builder.disk.bytes(of: writer.name) ?? []
        #expect(try bytes == FormatDocument.example(room: "Segments", file: "SegmentFormat.md", number: 1))
    }

    // MARK: Lists

    @Test("the bounds that the format document lists are the readers'")
    func bounds() throws {
        let expected: [String: Int] = [
            "segment number": Int(FileName.segmentNumberMax),
            "commit": SegmentFormat.commitLimit,
            "index": SegmentFormat.indexLimit,
            "offset": SegmentFormat.offsetLimit,
            "envelope": SegmentFormat.envelopeByteCountMax,
            "head": SegmentFormat.headByteCountMax,
            "rows": SegmentFormat.rowCountLimit,
            "fields": RecordLimits.fieldCountMax,
            "name": RecordLimits.nameByteCountMax,
            "leaves": RecordLimits.shreddedElementCountMax,
            "list elements": RecordLimits.listElementCountMax,
            "text": RecordLimits.textByteCountMax,
            "decimal exponent": DecimalCoding.exponentMax,
            "packed width": UInt64.bitWidth,
            "prefix code": PrefixCoding.lengthMax,
            "event name": Event.nameByteCountMax,
            "event document": Event.documentByteCountMax,
            "key": KeyEntry.keyByteCountMax,
            "key rows": SegmentFormat.keyRowCountLimit,
            "footer": SegmentDirectory.entryCountMax,
        ]
        #expect(try FormatDocument.bounds(room: "Segments", file: "SegmentFormat.md") == expected)
    }

    @Test("numbers have the texts that the format document lists")
    func numberTexts() throws {
        let list = try FormatDocument.list("numbers", room: "Segments", file: "SegmentFormat.md")
        for parts in list {
            try #require(parts.count == 4, "\(parts)")
            let bits = try #require(UInt64(parts[1], radix: 16))
            for isBare in [false, true] {
                var text: [UInt8] = []
                switch parts[0] {
                case "float64": JSONNumberText.append(Double(bitPattern: bits), bare: isBare, to: &text)
                case "float32":
                    let pattern = try #require(UInt32(exactly: bits))
                    JSONNumberText.append(Float(bitPattern: pattern), bare: isBare, to: &text)
                default: Issue.record("no type of numbers: \(parts)")
                }
                #expect(String(decoding: text, as: UTF8.self) == parts[isBare ? 3 : 2], "\(parts)")
            }
        }
        #expect(Set(list.map { $0[0] }) == ["float64", "float32"])
    }

    @Test("a segment's file is called what the format document says")
    func fileName() throws {
        let document = try TestData.bytes("Sources/Segments/Segments.docc/SegmentFormat.md")
        let text = String(decoding: document, as: UTF8.self)
        #expect(text.contains("segment 167 is\n`\(FileName.segment(167))`."))
    }
}
