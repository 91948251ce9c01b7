// Invariants checked: that at the head of ChunkHalves.swift, and with it those of Importer.swift and ServerSink.swift.

import Glibc
import Testing

@Suite("Records that no one commit holds")
struct UnlikeRecordsTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    /// Records with so many fields of their own each.
    private static func lines(_ rows: Range<Int>, fieldCount: Int) -> [String] {
        rows.map { row in
            let fields = (0..<fieldCount).map { #""in.f\#(row)_\#($0)":\#($0)"# }.joined(separator: ",")
            return #"{"time":\#(Sample.start + row),\#(fields)}"#
        }
    }

    private func append(_ options: [String]) throws -> CommandRun {
        try sandbox.run(
            ["append", "--create", "--workspace", "demo", "--pipeline", "fraud", "--json"] + options)
    }

    private func exported() throws -> [String] {
        try sandbox.run("export", "--pipeline", "fraud").lines
    }

    @Test(
        "records with too many fields, or too many absent, for one commit are several",
        arguments: [(21, 1000), (4200, 1)])
    func whole(rowCount: Int, fieldCount: Int) throws {
        let lines = Self.lines(0..<rowCount, fieldCount: fieldCount)
        try sandbox.write(lines.joined(separator: "\n") + "\n", to: "a.ndjson")
        let run = try append(["a.ndjson"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains(#""records":\#(rowCount),"commits":2,"#), "\(run.output)")
        #expect(try exported() == lines)
        #expect(try append(["--resume", "a.ndjson"]).output.contains(#""records":0,"#))
    }

    @Test("a record that is too large alone is refused, and those before it are kept")
    func alone() throws {
        let lines = Self.lines(0..<2, fieldCount: 1) + Self.lines(2..<3, fieldCount: 20_001)
        try sandbox.write(lines.joined(separator: "\n") + "\n", to: "a.ndjson")
        let run = try append(["a.ndjson"])
        #expect(run.status == 1)
        #expect(run.errors.contains("after line 2: a body has over 20000 fields"), "\(run.errors)")
        #expect(try exported() == Array(lines[..<2]))
    }

    /// A file whose last record is bad, then mended: the first half of its chunk is stored by then.
    private func interrupted(isList: Bool, _ options: [String]) throws {
        let lines = Self.lines(0..<22, fieldCount: 1000)
        func write(_ lines: [String]) throws {
            let text =
                isList
                ? "[\n  " + lines.joined(separator: "\n  ,\n\n  ") + "\n]\n"
                : lines.joined(separator: "\n") + "\n"
            try sandbox.write(text, to: "a.json")
        }
        try write(Array(lines[..<21]) + [#"{"in.x":}"#])
        let stopped = try append(options + ["a.json"])
        #expect(stopped.status == 1)
        #expect(stopped.errors.contains("11 records before it are in the log"), "\(stopped.errors)")
        let unit = isList ? "record" : "line"
        // A server counts rows in what it was sent, which is the second half.
        let place = options.isEmpty ? "\(unit) 22," : "after \(unit) 11: the server answers 400: "
        #expect(stopped.errors.contains(place), "\(stopped.errors)")
        try write(lines)
        let resumed = try append(options + ["--resume", "a.json"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.output.contains(#""records":11,"commits":1,"#), "\(resumed.output)")
        #expect(try exported() == lines)
        #expect(try append(options + ["--resume", "a.json"]).output.contains(#""records":0,"#))
    }

    @Test("an import that ends between two halves goes on there", arguments: [false, true])
    func goesOn(isList: Bool) throws { try interrupted(isList: isList, []) }

    @Test("so it does through a server, which has each half once", arguments: [false, true])
    func throughServer(isList: Bool) throws {
        try sandbox.serving { address in try interrupted(isList: isList, ["--server", address]) }
    }

    @Test("records of a CSV file are halved where they end in it")
    func csv() throws {
        // Lists of 500 elements, a column each: more than a block can say, and each record has every other of them.
        let names = (0..<2200).map { "in.f\($0)" }.joined(separator: ",")
        let list = "\"[" + Array(repeating: "0", count: 500).joined(separator: ",") + "]\""
        let rows = (0..<2).map { row in
            (0..<2200).map { $0 % 2 == row ? list : "" }.joined(separator: ",")
        }
        try sandbox.write("time,\(names)\n1,\(rows[0])\n2,\(rows[1])\n", to: "a.csv")
        let run = try append(["a.csv"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains(#""records":2,"commits":2,"#), "\(run.output)")
        #expect(try append(["--resume", "a.csv"]).output.contains(#""records":0,"#))
    }

    // It was written, and refused by `append`.
    @Test(
        "an export as Arrow has no more fields than are taken back, or is refused before anything is written")
    func wideExport() throws {
        func store(_ lines: [String], _ name: String) throws {
            try sandbox.write(lines.joined(separator: "\n") + "\n", to: name)
            let run = try append([name])
            try #require(run.status == 0, "\(run.errors)")
        }
        // With the time as many as can be read.
        try store(Self.lines(0..<1, fieldCount: 19_999), "a.ndjson")
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "-o", "a.arrow").status == 0)
        let copied = try sandbox.run("append", "--create", "--pipeline", "copy", "--json", "a.arrow")
        #expect(copied.output.contains(#""records":1,"#), "\(copied.errors)")
        try store(Self.lines(1..<2, fieldCount: 1), "b.ndjson")
        for place in [[], ["-o", "b.arrow"]] {
            let run = try sandbox.run(["export", "--pipeline", "fraud", "--arrow"] + place)
            #expect(run.status == 1 && run.output.isEmpty)
            #expect(
                run.errors.contains("20,001 fields") && run.errors.contains("export NDJSON"), "\(run.errors)")
        }
        #expect(access(sandbox.file("b.arrow"), F_OK) != 0)
        #expect(access(sandbox.file("b.arrow.unfinished"), F_OK) != 0)
    }

    // Of either one half of the columns, both in one record batch, which no commit holds.
    @Test(
        "an export as Arrow has no record batch that is not taken back, and one that is too much with others is alone"
    )
    func unlikeExport() throws {
        let list = "[" + Array(repeating: "0", count: 500).joined(separator: ",") + "]"
        let lines = (0..<2).map { row in
            let fields = stride(from: row, to: 2200, by: 2).map { "\"in.f\($0)\":\(list)" }
            return #"{"time":\#(Sample.start + row),\#(fields.joined(separator: ","))}"#
        }
        try sandbox.write(lines.joined(separator: "\n") + "\n", to: "a.ndjson")
        #expect(try append(["a.ndjson"]).output.contains(#""records":2,"commits":2,"#))
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "-o", "a.arrow").status == 0)
        func copy(_ pipeline: String, _ options: [String] = []) throws -> CommandRun {
            try sandbox.run(
                ["append", "--create", "--workspace", "demo", "--pipeline", pipeline, "--json", "a.arrow"]
                    + options)
        }
        func check(_ pipeline: String) throws {
            // What a record has not is null in Arrow.
            let found = try sandbox.run("export", "--pipeline", pipeline).lines.map { line in
                line.dropLast().split(separator: ",").filter { !$0.hasSuffix(":null") }
                    .joined(separator: ",") + "}"
            }
            #expect(found == lines)
        }
        let copied = try copy("copy")
        #expect(copied.output.contains(#""records":2,"commits":2,"#), "\(copied.output) \(copied.errors)")
        #expect(try copy("copy", ["--resume"]).output.contains(#""records":0,"#))
        try check("copy")
        try sandbox.serving { address in
            let sent = try copy("sent", ["--server", address])
            #expect(sent.output.contains(#""records":2,"commits":2,"#), "\(sent.output) \(sent.errors)")
            #expect(try copy("sent", ["--server", address]).output.contains(#""records":0,"#))
        }
        try check("sent")
    }

    @Test("an export as Arrow comes in record batches of bounded size, and goes back in, one a commit")
    func largeExport() throws {
        let text = String(repeating: "x", count: 1 << 20)
        let lines = (0..<40).map { #"{"time":\#(Sample.start + $0),"in.t":"\#(text)\#($0)"}"# }
        try sandbox.write(lines.joined(separator: "\n") + "\n", to: "a.ndjson")
        #expect(try append(["a.ndjson"]).status == 0)
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "-o", "a.arrow").status == 0)
        let copied = try sandbox.run(
            "append", "--create", "--pipeline", "copy", "--json", "a.arrow")
        // 40 MiB, of which a batch has 32.
        #expect(copied.output.contains(#""records":40,"commits":2,"#), "\(copied.output) \(copied.errors)")
        #expect(try sandbox.run("export", "--pipeline", "copy").lines == lines)
    }
}
