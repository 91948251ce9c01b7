// Formats beside JSON, in and out of the command line: Arrow and CSV. Invariants checked: those at the heads of
// ArrowChunks.swift and CSVChunks.swift, and that an export in Arrow, imported again, is the same log.

import Foundation
import Glibc
import Testing

@Suite struct FormatTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    private func append(_ arguments: String..., pipeline: String = "copy") throws -> CommandRun {
        let all = ["append", "--create", "--pipeline", pipeline] + arguments
        let process = try sandbox.process(all, output: "append-out", errors: "append-err")
        process.waitUntilExit()
        return CommandRun(
            status: process.terminationStatus, output: try sandbox.read("append-out"),
            errors: try sandbox.read("append-err"))
    }

    private func exported(_ pipeline: String = "copy") throws -> String {
        try sandbox.run("export", "--pipeline", pipeline).output
    }

    /// Bytes of standard output into a file.
    private func printed(_ arguments: [String], into name: String) throws -> Int32 {
        let process = try sandbox.process(arguments, output: name, errors: "errors")
        process.waitUntilExit()
        return process.terminationStatus
    }

    // MARK: Arrow

    @Test("an export in Arrow, imported again, is the same log with the same summaries")
    func arrowThereAndBack() throws {
        // More pages than one, fields that come and go, and a type that widens on the way.
        let lines = (0..<20_000).map { number -> String in
            let extra = number < 17_000 ? "" : #","late":"größe \#(number)""#
            let count = number % 2 == 0 ? "null" : "\(number)"
            return
                #"{"time":\#(Sample.start + number * 1000),"in.x":[\#(number).5,0.25],"out.y":[0.\#(number)1],"#
                + #""count":\#(count),"ok":\#(number % 3 == 0),"odd":{"a":[1.50,[]]}\#(extra)}"# + "\n"
        }
        try sandbox.write(lines.joined(), to: "a.ndjson")
        #expect(try append("a.ndjson", pipeline: "fraud").status == 0)
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "-o", "all.arrow").status == 0)
        let run = try append("--json", "all.arrow")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains(#""records":20000,"#), "\(run.output)")
        // "late" is null where it was absent: Arrow has one schema.
        let expected = lines.map { line in
            line.contains("late") ? line : String(line.dropLast(2)) + #","late":null}"# + "\n"
        }
        #expect(try exported() == expected.joined())
        for path in ["output y 0", "input x 1", "input x 0"] {
            #expect(
                try sandbox.run("summarize", "--pipeline", "fraud", "--path", path, "--json").output
                    == (try sandbox.run("summarize", "--pipeline", "copy", "--path", path, "--json").output))
        }
        // The same, by time, to standard output, nested, and back through standard input.
        #expect(
            try printed(
                ["logs", "--pipeline", "fraud", "--arrow", "--nested", "--limit", "300"], into: "some")
                == 0)
        let piped = try sandbox.run("append", "--create", "--pipeline", "third", "-", input: "some")
        #expect(piped.status == 0, "\(piped.errors)")
        #expect(try exported("third") == lines[..<300].joined())
    }

    @Test("an import of Arrow that is killed at any moment goes on where its last commit ended")
    func killed() throws {
        let lines = (0..<40_000).map { #"{"time":\#($0),"out.y":[\#($0).25]}"# + "\n" }.joined()
        try sandbox.write(lines, to: "a.ndjson")
        #expect(try append("a.ndjson", pipeline: "fraud").status == 0)
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "-o", "a.arrow").status == 0)
        for milliseconds in [60, 150, 400] {
            let process = try sandbox.process(
                ["append", "--create", "--pipeline", "copy", "--resume", "a.arrow"], output: "out",
                errors: "err")
            usleep(UInt32(milliseconds) * 1000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        #expect(try append("--resume", "a.arrow").status == 0)
        #expect(try exported() == lines)
        let again = try append("a.arrow")
        #expect(again.status == 1 && again.errors.contains("--again"))
        #expect(try append("--resume", "--json", "a.arrow").output.contains(#""records":0"#))
    }

    @Test("Arrow that is cut, or asked for twice over, is refused")
    func refusals() throws {
        try sandbox.appendRecords(100)
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "-o", "a.arrow").status == 0)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: sandbox.file("a.arrow")))
        try bytes.prefix(bytes.count / 3).write(to: URL(fileURLWithPath: sandbox.file("cut.arrow")))
        let cut = try append("cut.arrow")
        #expect(cut.status == 1 && cut.errors.contains("cut short"), "\(cut.errors)")
        #expect(try sandbox.run("export", "--pipeline", "fraud", "--arrow", "--json").status == 2)
        #expect(try sandbox.run("logs", "--pipeline", "fraud", "--arrow", "--json").status == 2)
    }

    @Test("infinities are the same after an export as lines or as a list as they are in Arrow")
    func infinities() throws {
        let lines = (0..<50).map { number in
            let value = number == 7 ? "1e999" : number == 9 ? "-1e999" : "\(number).5"
            return "{\"time\":\(Sample.start + number * 1000),\"in.x\":[\(value),2.5],\"in.y\":\(value)}\n"
        }
        try sandbox.write(lines.joined(), to: "a.ndjson")
        #expect(try append("a.ndjson", pipeline: "posted").status == 0)
        #expect(try sandbox.run("export", "--pipeline", "posted", "--arrow", "-o", "a.arrow").status == 0)
        // Here they have no text of their own.
        #expect(try append("a.arrow", pipeline: "typed").status == 0)
        #expect(try sandbox.run("export", "--pipeline", "typed", "-o", "b.ndjson").status == 0)
        #expect(try sandbox.run("export", "--pipeline", "typed", "--json", "-o", "b.json").status == 0)
        #expect(try sandbox.read("b.ndjson") == lines.joined())
        #expect(try append("b.ndjson", pipeline: "lines").status == 0)
        #expect(try append("b.json", pipeline: "list").status == 0)
        for path in ["input x 0", "input y"] {
            func summary(_ pipeline: String) throws -> String {
                try sandbox.run("query", "--pipeline", pipeline, "--path", path, "--summary").output
            }
            let expected = try summary("typed")
            let count = expected.split(separator: "\n").last?.split(separator: " ")
            #expect(count == ["infinity_count", "2"], "\(expected)")
            #expect(try summary("lines") == expected && summary("list") == expected)
        }
    }

    // MARK: float32

    @Test("an export as text names its fields of float32, and given them an import has the same numbers")
    func float32Fields() throws {
        let lines = (0..<20).map {
            #"{"time":\#(Sample.start + $0 * 1000),"in.a b's":[0.\#($0)1,2.5],"in.x":0.1,"out.y":0.\#($0)3}"#
                + "\n"
        }
        try sandbox.write(lines.joined(), to: "a.ndjson")
        let options = ["--float32", "out.y", "--float32", "in.a b's"]
        func append(_ file: String, _ pipeline: String, _ options: [String]) throws {
            let run = try sandbox.run(["append", "--create", "--pipeline", pipeline] + options + [file])
            #expect(run.status == 0, "\(run.errors)")
        }
        func notes(_ pipeline: String, _ options: String...) throws -> [String] {
            let run = try sandbox.run(["export", "--pipeline", pipeline, "-o", "out"] + options)
            #expect(run.status == 0, "\(run.errors)")
            return run.errors.split(separator: "\n").map(String.init).filter { $0.contains("float32") }
        }
        try append("a.ndjson", "posted", options)
        for form in [[], ["--json"], ["--nested"]] {
            let run = try sandbox.run(["export", "--pipeline", "posted"] + form)
            let said = run.errors.split(separator: "\n").filter { $0.contains("--float32") }
            #expect(said.count == 1 && said[0].hasPrefix("2 fields of float32"), "\(run.errors)")
            #expect(said.first?.contains(#"--float32 'in.a b'\''s'"#) == true, "\(run.errors)")
            #expect(said.first?.contains("--float32 out.y") == true, "\(run.errors)")
        }
        #expect(try notes("posted", "--arrow").isEmpty)

        #expect(try notes("posted").count == 1)
        try append("out", "told", options)
        try append("out", "untold", [])
        #expect(try notes("untold").isEmpty)
        for path in ["output y", "input a b's 0"] {
            func summary(_ pipeline: String) throws -> String {
                try sandbox.run("query", "--pipeline", pipeline, "--path", path, "--summary").output
            }
            let expected = try summary("posted")
            #expect(!expected.isEmpty)
            #expect(try summary("told") == expected)
            #expect(try summary("untold") != expected)
        }
    }

    // MARK: CSV

    @Test("CSV cells are what JSON reads in them, or text")
    func csv() throws {
        try sandbox.write(
            "\u{FEFF}time,in.x,text,flag,list,\"in.odd, name\"\r\n"
                + "1,1.50,\"a \"\"b\"\", c\",True,\"[0.1, {\"\"k\"\":null}]\",\r\n"
                + "\r\n"
                + "2,-0.0,\"two\nlines\",false,[],007\n"
                + "3,123456789012345678901,\"12\",,\"[1,\n2]\",NaN",
            to: "a.csv")
        let run = try append("a.csv")
        #expect(run.status == 0, "\(run.errors)")
        #expect(
            try exported() == #"""
                {"time":1,"in.x":1.50,"text":"a \"b\", c","flag":true,"list":[0.1,{"k":null}],"in.odd, name":null}
                {"time":2,"in.x":-0.0,"text":"two\nlines","flag":false,"list":[],"in.odd, name":"007"}
                {"time":3,"in.x":123456789012345678901,"text":"12","flag":null,"list":[1,2],"in.odd, name":"NaN"}

                """#)
    }

    @Test("columns whose names differ in their bytes alone are two")
    func csvSpellings() throws {
        try sandbox.write("time,in.\u{E9},in.e\u{301}\n1,2,3\n", to: "a.csv")
        let run = try append("a.csv")
        #expect(run.status == 0, "\(run.errors)")
        let expected = "{\"time\":1,\"in.\u{E9}\":2,\"in.e\u{301}\":3}\n"
        #expect(try Array(exported().utf8) == Array(expected.utf8))
    }

    @Test("numbers as other readers of CSV take them are numbers; digits are as they were, quotes make text")
    func csvNumbers() throws {
        let cells = [
            (".5", "0.5"), ("-.50", "-0.50"), ("+.5", "0.5"), ("5.", "5.0"), ("-5.", "-5.0"), ("+5", "5"),
            ("+1.50", "1.50"), ("5.e3", "5.0e3"), (".5E-3", "0.5E-3"), ("+0", "0"), ("\".5\"", "\".5\""),
            ("\"+5\"", "\"+5\""), (".", "\".\""), ("+", "\"+\""), ("-", "\"-\""), ("+-5", "\"+-5\""),
            ("007", "\"007\""), ("+007", "\"+007\""), ("00.5", "\"00.5\""), (".5.5", "\".5.5\""),
            ("5.x", "\"5.x\""),
            (".e5", "\".e5\""), ("+true", "\"+true\""), ("+[1]", "\"+[1]\""), ("1.2.3.4", "\"1.2.3.4\""),
        ]
        try sandbox.write("time,x\n" + cells.map { "1,\($0.0)\n" }.joined(), to: "a.csv")
        let run = try append("a.csv")
        #expect(run.status == 0, "\(run.errors)")
        let lines = try exported().split(separator: "\n").map(String.init)
        for (cell, line) in zip(cells, lines) {
            #expect(line == #"{"time":1,"x":\#(cell.1)}"#, "\(cell.0)")
        }
        #expect(lines.count == cells.count)
    }

    // Its lines were one line of names: no record was read, and that was success.
    @Test("CSV with CR line ends is its records; where lines end otherwise a bare CR is text")
    func lineEnds() throws {
        try sandbox.write("time,\"text\"\r1,\"a\rb\"\r\r2,c", to: "mac.csv")
        try sandbox.write("time,text\n3,d\re\r\n", to: "unix.csv")
        for (name, count) in [("mac.csv", 2), ("unix.csv", 1)] {
            let run = try append("--json", name)
            #expect(run.output.contains("\"records\":\(count),"), "\(name): \(run.output) \(run.errors)")
        }
        #expect(
            try exported() == #"""
                {"time":1,"text":"a\rb"}
                {"time":2,"text":"c"}
                {"time":3,"text":"d\re"}

                """#)
    }

    @Test("a long CSV file is imported in commits, and goes on where it was")
    func longCSV() throws {
        func lines(_ numbers: Range<Int>) -> String { numbers.map { "\($0),\"[\($0), 1]\"\n" }.joined() }
        try sandbox.write("time,in.x\n" + lines(0..<12_000) + "5,6,7\n", to: "a.csv")
        let bad = try append("a.csv")
        #expect(bad.errors.contains("record 12001: 3 cells under 2 names"), "\(bad.errors)")
        #expect(bad.errors.contains("10,000 records before it are in the log"))
        try sandbox.write("time,in.x\n" + lines(0..<12_000), to: "a.csv")
        #expect(try append("--resume", "--json", "a.csv").output.contains(#""records":2000"#))
        #expect(
            try exported() == (0..<12_000).map { #"{"time":\#($0),"in.x":[\#($0),1]}"# + "\n" }.joined())
    }

    @Test(
        "CSV that is not sound is refused at its place",
        arguments: [
            ("time,,x\n1,2,3\n", "column 2 has no name"), ("x,x\n1,2\n", "two columns are named \"x\""),
            ("time;in.x\n1;1.5\n", "one name with a semicolon in it; cells are separated by commas"),
            ("time\tin.x\n1\t1.5\n", "one name with a tab in it"), ("x\n\"a", "not closed"),
            ("x\n\"a\"b\n", "behind a closed quote"), ("time\n1.5\n", "record 1"),
            ("{\"in.x\":1}\n", "the first line is JSON"), ("{\n\"in.x\":1}", "the first line is JSON"),
            ("[{\"in.x\":1}]\n", "the first line is JSON"), ("[\n{\"in.x\":1}\n]", "the first line is JSON"),
            (" [ {\"in.x\":1}]\n", "the first line is JSON"),
        ])
    func badCSV(_ text: String, _ problem: String) throws {
        try sandbox.write(text, to: "bad")
        let run = try append("--csv", "bad")
        #expect(run.status == 1)
        #expect(run.errors.contains(problem), "\(run.errors)")
    }
}
