// Invariants checked: that at the head of ArrowChunks.swift, and those of Importer.swift and ServerSink.swift where one
// record batch of Arrow is more than a commit holds.

import Foundation
import Testing

@testable import Wire
@testable import assaylog

@Suite("Record batches that no one commit holds")
struct LargeBatchTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    /// A record of so many lists of 500 numbers, of which 2,200 are more columns than a commit holds.
    private static func line(_ row: Int, _ fields: some Sequence<Int>) -> String {
        let list = "[" + Array(repeating: "0", count: 500).joined(separator: ",") + "]"
        let members = fields.map { "\"in.f\($0)\":\(list)" }.joined(separator: ",")
        return #"{"time":\#(Sample.start + row),\#(members)}"#
    }

    /// The records as a stream of one record batch, as another tool may write it.
    private func write(_ lines: [String], to name: String) throws {
        let parsed = try RecordParser.parse(Array(lines.joined(separator: "\n").utf8), as: .lines)
        let bytes = try ArrowWriter(as: .stream).bytes(of: [parsed.batch])
        try Data(bytes).write(to: URL(fileURLWithPath: sandbox.file(name)))
    }

    private func append(_ options: String..., to pipeline: String = "fraud") throws -> CommandRun {
        try sandbox.run(
            ["append", "--create", "--workspace", "demo", "--pipeline", pipeline, "--json", "a.arrow"]
                + options)
    }

    /// What a record has not is null in Arrow.
    private func exported(_ pipeline: String = "fraud") throws -> [String] {
        try sandbox.run("export", "--pipeline", pipeline).lines.map { line in
            line.dropLast().split(separator: ",").filter { !$0.hasSuffix(":null") }.joined(separator: ",")
                + "}"
        }
    }

    // It was refused: chunks of Arrow were halved between record batches alone.
    @Test("a record batch that is more than a commit holds is several, each once, also through a server")
    func cut() throws {
        let lines = (0..<2).map { Self.line($0, stride(from: $0, to: 2200, by: 2)) }
        try write(lines, to: "a.arrow")
        let run = try append()
        #expect(run.output.contains(#""records":2,"commits":2,"#), "\(run.output) \(run.errors)")
        #expect(try exported() == lines)
        #expect(try append("--resume").output.contains(#""records":0,"#))
        try sandbox.serving { address in
            let sent = try append("--server", address, to: "sent")
            #expect(sent.output.contains(#""records":2,"commits":2,"#), "\(sent.output) \(sent.errors)")
            let again = try append("--server", address, to: "sent")
            #expect(again.output.contains(#""records":0,"#), "\(again.output) \(again.errors)")
        }
        #expect(try exported("sent") == lines)
    }

    @Test("an import that ends within a record batch goes on there, and nowhere else")
    func interrupted() throws {
        // The second is too much by itself.
        let lines = [Self.line(0, 0..<1), Self.line(1, 0..<2200)]
        try write(lines, to: "a.arrow")
        let stopped = try append()
        #expect(stopped.status == 1)
        #expect(stopped.errors.contains("1 record before it is in the log"), "\(stopped.errors)")
        // It is neither taken as done nor begun anew.
        let resumed = try append("--resume")
        #expect(resumed.status == 1, "\(resumed.output)")
        #expect(!resumed.errors.contains("in the log"), "\(resumed.errors)")
        #expect(try exported() == [lines[0]])
    }

    // It was to go on at the end of the empty one, where none of its rows are.
    @Test("what is left of a record batch is found also where an empty one stands behind it")
    func emptyBehind() throws {
        let text = (0..<20).map { "{\"time\":\($0)}" }.joined(separator: "\n")
        let batch = try RecordParser.parse(Array(text.utf8), as: .lines).batch
        var schema = ArrowTableSchema()
        schema.add([batch], runs: [ArrowRowRun(batch: 0, rows: 0..<20)])
        let columns = ArrowColumns(schema, .flat, .all)
        var output = ArrowOutput(.stream)
        output.write(schema: ArrowSchemaWriter.schema(columns.fields, metadata: []))
        for rows in [0..<20, 0..<0] {
            var body = ArrowBody()
            try ArrowTable(columns, [batch]).write([ArrowRowRun(batch: 0, rows: rows)], to: &body)
            output.write(body, rowCount: rows.count)
        }
        try Data(output.finish()).write(to: URL(fileURLWithPath: sandbox.file("a.arrow")))
        var whole = ArrowChunks(try InputFile(sandbox.file("a.arrow")))
        let chunk = try #require(try whole.chunk())
        try #require(chunk.batchEnds.count == 2)
        let parts = try #require(try chunk.halves(counting: "record"))
        #expect(parts[0].end == chunk.batchEnds[0] && parts.last?.end == chunk.end)
        var rest = ArrowChunks(
            try InputFile(sandbox.file("a.arrow")), from: parts[0].end, rowsLeft: parts[0].rowsLeft)
        let left = try #require(try rest.chunk())
        #expect(try parts[0].arrowRecords().batch.times + left.arrowRecords().batch.times == Array(0..<20))
    }

    @Test("what is left of a record batch is read with those behind it")
    func remainder() throws {
        let texts = [0..<5, 5..<20, 20..<23].map { rows in
            rows.map { "{\"time\":\($0)}" }.joined(separator: "\n")
        }
        let batches = try texts.map { try RecordParser.parse(Array($0.utf8), as: .lines).batch }
        var schema = ArrowTableSchema()
        for batch in batches { schema.add([batch], runs: [ArrowRowRun(batch: 0, rows: batch.times.indices)]) }
        var writer = ArrowPartWriter(ArrowWriter(as: .stream), schema)
        var bytes: [UInt8] = []
        for batch in batches {
            try writer.write([batch], rows: batch.times.indices.map { (batch: 0, row: $0) }) { bytes += $0 }
        }
        try Data(bytes + writer.finish()).write(to: URL(fileURLWithPath: sandbox.file("a.arrow")))
        var whole = ArrowChunks(try InputFile(sandbox.file("a.arrow")))
        let ends = try #require(try whole.chunk()).batchEnds
        try #require(ends.count == 3)
        var rest = ArrowChunks(try InputFile(sandbox.file("a.arrow")), from: ends[1], rowsLeft: 4)
        let first = try #require(try rest.chunk())
        #expect(first.end == ends[1] && first.rowsLeft == 0)
        #expect(try first.arrowRecords().batch.times == Array(16..<20))
        let second = try #require(try rest.chunk())
        #expect(second.start == ends[1] && second.linesBefore == 4)
        #expect(try second.arrowRecords().batch.times == Array(20..<23))
        #expect(try rest.chunk() == nil)
        // Cut once more it is of the same rows, and says what is left.
        let parts = try #require(try first.halves(counting: "record"))
        #expect(try parts.map { try $0.arrowRecords().batch.times } == [[16, 17], [18, 19]])
        #expect(parts.map(\.rowsLeft) == [2, 0] && parts.map(\.linesBefore) == [0, 2])
        // The whole is cut between its batches, and then within them.
        let halves = try #require(try ArrowChunks(try InputFile(sandbox.file("a.arrow"))).halved())
        #expect(halves.map(\.rowsLeft) == [0, 0])
        var unfit = ArrowChunks(try InputFile(sandbox.file("a.arrow")), from: ends[1], rowsLeft: 15)
        #expect(throws: CommandFailure.self) { try unfit.chunk() }
    }
}

extension ArrowChunks {
    /// The parts of its first chunk.
    fileprivate func halved() throws -> [RecordChunk]? {
        var chunks = self
        return try chunks.chunk()?.halves(counting: "record")
    }
}
