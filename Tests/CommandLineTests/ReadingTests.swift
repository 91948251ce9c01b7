// What the reading commands print: query, logs, export, summarize.

import Foundation
import Glibc
import Testing

@Suite struct ReadingTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    private func query(_ arguments: String...) throws -> CommandRun {
        let all = ["query", "--pipeline", "fraud"] + arguments
        let process = try sandbox.process(all, output: "query-out", errors: "query-err")
        process.waitUntilExit()
        return CommandRun(
            status: process.terminationStatus, output: try sandbox.read("query-out"),
            errors: try sandbox.read("query-err"))
    }

    // MARK: query

    @Test("the values of a window come with their times, in each format")
    func values() throws {
        try sandbox.appendRecords(600)
        let window = [
            "--path", "output y 0", "--start", "2024-01-09T00:00:03Z", "--end", "2024-01-09T00:00:05Z",
        ]
        #expect(
            try query(window[0], window[1], window[2], window[3], window[4], window[5]).output
                == "2024-01-09T00:00:03Z  3.25\n2024-01-09T00:00:04Z  4.25\n")
        #expect(
            try query(window[0], window[1], window[2], window[3], window[4], window[5], "--format", "csv")
                .output
                == "time,value\n2024-01-09T00:00:03Z,3.25\n2024-01-09T00:00:04Z,4.25\n")
        #expect(
            try query(window[0], window[1], window[2], window[3], window[4], window[5], "--json").output
                == #"{"topic":"workspace-1-pipeline-fraud-inference","path":"output y 0","#
                + #""start":"2024-01-09T00:00:03Z","end":"2024-01-09T00:00:05Z","cut":3,"unseen":[],"#
                + #""times":[1704758403000,1704758404000],"values":[3.25,4.25]}"# + "\n")
    }

    @Test("two formats at once are refused")
    func twoFormats() throws {
        let run = try query("--path", "input x", "--json", "--format", "csv")
        #expect(run.status == 2 && run.errors.contains("contradict each other"), "\(run.errors)")
    }

    // It printed the plan as text, which is no CSV.
    @Test("a plan as CSV is refused with what to ask instead")
    func planAsTable() throws {
        let run = try query("--path", "input x", "--explain", "--format", "csv")
        #expect(run.status == 2 && run.errors.contains("leave out --format csv"), "\(run.errors)")
    }

    @Test("the summary is that of the values, and counts what is missing")
    func summary() throws {
        let lines = ["1", "null", "4", "2"].enumerated().map { #"{"time":\#($0),"in":{"x":\#($1)}}"# }
        try sandbox.write(lines.joined(separator: "\n"), to: "a")
        try sandbox.run("append", "--create", "--pipeline", "fraud", "a")
        #expect(
            try query("--path", "input x", "--summary", "--format", "csv").output
                == "count,min,max,mean,median,std,missing_count,infinity_count\n"
                + "3,1.0,4.0,2.3333333333333335,2.0,1.247219128924647,1,0\n")
        #expect(try query("--path", "input x").lines[1].hasSuffix("  -"))
    }

    @Test("the plan says what is read, what is not, and why")
    func explain() throws {
        try sandbox.appendRecords(6000)
        let run = try query("--path", "output y 0", "--start", "2024-01-09T01:30:00Z", "--explain")
        #expect(run.lines.count == 4)
        #expect(run.lines[0].hasSuffix("skip: no record in the window"))
        #expect(run.lines[2].hasSuffix("bytes: read"))
        #expect(run.lines[3].hasPrefix("1 block read, 2 skipped"))
        #expect(run.lines[3].contains("2,000 records seen, 600 kept"))
        let json = try query("--path", "output y 0", "--end", "2024-01-09T00:00:00Z", "--explain", "--json")
        #expect(json.output.contains(#""blocks_read":0,"blocks_skipped":3"#))
    }

    @Test("only the model and the location asked for count")
    func filters() throws {
        try sandbox.appendRecords(100)
        #expect(try query("--path", "output y 0", "--model", "m1").lines.count == 50)
        #expect(try query("--path", "output y 0", "--location", "import").lines.count == 100)
        for (option, name) in [("--model", "nope"), ("--pipeline-version", "none")] {
            let run = try query("--path", "output y 0", option, name)
            #expect(run.status == 1 && run.output.isEmpty, "\(run.output)")
            #expect(run.errors.contains("\(option) is \"\(name)\", and the pipeline has no records of it"))
        }
        let unknown = try query("--path", "output y 0", "--location", "mars")
        #expect(unknown.status == 1 && unknown.errors.contains("import"))
    }

    @Test("only the pipeline version asked for counts, in every command that prints records")
    func pipelineVersion() throws {
        let lines = (0..<9).map {
            #"{"time":\#($0),"out.y":\#($0),"metadata.pipeline_version":"v\#($0 % 3)"}"#
        }
        try sandbox.write(lines.joined(separator: "\n"), to: "a")
        try sandbox.run("append", "--create", "--pipeline", "fraud", "a")
        #expect(
            try query("--path", "output y", "--pipeline-version", "v1").lines.map { $0.suffix(3) } == [
                "1.0", "4.0", "7.0",
            ])
        for command in ["logs", "export"] {
            let run = try sandbox.run(command, "--pipeline", "fraud", "--pipeline-version", "v2")
            #expect(run.lines == [2, 5, 8].map { lines[$0] }, "\(command)")
        }
    }

    @Test("a damaged block is named, the rest is printed, and the exit code says so")
    func damage() throws {
        try sandbox.appendRecords(6000)
        // A bit in the middle of the only segment, which is columns as nearly all of it.
        let path = sandbox.file("assaylog-data/segment-0000000000000001")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        for command in [
            ["logs"], ["export"], ["query", "--path", "input x 0", "--summary"],
            ["query", "--path", "output y 0"],
        ] {
            let process = try sandbox.process(command + ["--pipeline", "fraud"], output: "o", errors: "e")
            process.waitUntilExit()
            let errors = try sandbox.read("e")
            if command.count > 1 && errors.isEmpty { continue }  // Its columns are well.
            #expect(process.terminationStatus == 1, "\(command)")
            #expect(
                errors.contains("segment-0000000000000001 at byte")
                    && errors.contains("records [2000, 4000)"), "\(errors)")
            #expect(
                errors.contains("of partition \"import\"")
                    && errors.contains("from 2024-01-09T00:33:20Z to 2024-01-09T01:06:39Z"))
            if command.count == 1 { #expect(try sandbox.read("o").split(separator: "\n").count == 4000) }
        }
        let check = try sandbox.run("check")
        #expect(check.status == 1 && (check.output + check.errors).contains("segment-0000000000000001"))
    }

    @Test(
        "damage to what notes an import hides nothing else, and stops imports alone, which say what to do",
        arguments: [false, true])
    func damagedMark(isCatalog: Bool) throws {
        try sandbox.appendRecords(600)
        let name = "segment-0000000000000001"
        let path = sandbox.file("assaylog-data/\(name)")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let kind = isCatalog ? "\"workspace_created\"" : "\"file_read\""
        let mark = try #require(bytes.range(of: Data(kind.utf8)))
        bytes[mark.upperBound + 10] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let logs = try sandbox.run("logs", "--pipeline", "fraud")
        guard !isCatalog else {
            // Without it nobody knows which pipelines there are.
            #expect(logs.status == 1 && logs.errors.contains("\(name) at byte"), "\(logs)")
            return
        }
        #expect(logs.status == 0 && logs.lines.count == 600, "\(logs.errors)")
        let inspected = try sandbox.run("inspect")
        #expect(inspected.lines.contains { $0.contains("600") } && inspected.errors.contains("segment 1: "))
        let check = try sandbox.run("check")
        #expect(check.status == 1 && (check.output + check.errors).contains("\(name) at byte"))
        try sandbox.write(Sample.lines(600..<700), to: "more.ndjson")
        for options in [[], ["--resume"]] {
            let refused = try sandbox.run(["append", "--pipeline", "fraud"] + options + ["more.ndjson"])
            #expect(
                refused.status == 1 && refused.errors.contains("the event \"import\" of \(name) at byte")
                    && refused.errors.contains("--again"), "\(refused.errors)")
        }
        #expect(try sandbox.run("append", "--pipeline", "fraud", "--again", "more.ndjson").status == 0)
        #expect(try sandbox.run("logs", "--pipeline", "fraud").lines.count == 700)
    }

    @Test(
        "what is unknown may be in a part of the log that is not seen, and the refusal names it, of a server too"
    )
    func unseen() throws {
        try sandbox.appendRecords(3)
        let other = ["append", "--create", "--workspace", "demo", "--pipeline", "other", "records.ndjson"]
        #expect(try sandbox.run(other).status == 0)
        let unknown = try sandbox.run("logs", "--pipeline", "froud")
        #expect(unknown.status == 1 && !unknown.errors.contains("not seen"), "\(unknown.errors)")
        // The pipeline was made in it.
        try FileManager.default.removeItem(atPath: sandbox.file("assaylog-data/segment-0000000000000001"))
        let place = "it may be in what is not seen of the log, segment-0000000000000001 at byte 0"
        let delete = ["delete", "--yes", "--topic", "workspace-1-pipeline-fraud-inference"]
        for command in [["logs", "--pipeline", "fraud"], ["export", "--pipeline", "fraud"], delete] {
            let run = try sandbox.run(command)
            #expect(run.status == 1 && run.errors.contains(place), "\(run.errors)")
        }
        try sandbox.serving { address in
            let run = try sandbox.run(delete + ["--server", address])
            #expect(run.status == 1 && run.errors.contains(place), "\(run.errors)")
        }
        // What may be there is not to be made again.
        func refusesToMake(_ options: [String]) throws {
            for scope in [["--pipeline", "fraud"], ["--pipeline", "fraud", "--workspace", "elsewhere"]] {
                let run = try sandbox.run(["append"] + options + scope + ["records.ndjson"])
                #expect(run.status == 1 && !run.errors.contains("--create"), "\(run.errors)")
                for part in ["segment-0000000000000001 at byte 0", "not seen", "--without-unseen"] {
                    #expect(run.errors.contains(part), "\(run.errors)")
                }
            }
        }
        try refusesToMake([])
        try sandbox.serving { try refusesToMake(["--server", $0]) }
    }

    @Test("a segment whose footer is damaged is inspected all the same")
    func damagedFooter() throws {
        try sandbox.appendRecords(600)
        let path = sandbox.file("assaylog-data/segment-0000000000000001")
        let whole = try sandbox.run("inspect", "--json")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count - 6] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let damaged = try sandbox.run("inspect", "--json")
        #expect(whole.status == 0 && damaged.status == 1)
        #expect(damaged.errors.contains("segment 1: its footer is not read"), "\(damaged.errors)")
        // Of the topic, and of the segment.
        for run in [whole, damaged] {
            #expect(run.output.components(separatedBy: "\"records\":600").count == 3, "\(run.output)")
        }
        try Data().write(to: URL(fileURLWithPath: path))
        let empty = try sandbox.run("inspect")
        #expect(empty.status == 1 && empty.errors.contains("segment 1: "), "\(empty)")
    }

    @Test("what is not there is refused with what is")
    func refusals() throws {
        #expect(try query("--path", "output y 0").errors.contains("holds no assaylog data"))
        try sandbox.appendRecords(10)
        let path = try query("--path", "output z 0")
        #expect(path.status == 1 && path.errors.contains(#""output y 0""#))
        let pipeline = try sandbox.run("query", "--pipeline", "nobody", "--path", "output y 0")
        #expect(pipeline.status == 1 && pipeline.errors.contains("there is fraud"))
        #expect(try query("--path", "y").status == 2)
        #expect(try query("--path", "output y 0", "--start", "yesterday").status == 2)
        #expect(
            try query("--path", "output y 0", "--start", "2024-01-09", "--end", "2024-01-08").status == 2)
        #expect(try query("--path", "output y 0", "--start", "2025-01-01").status == 0)
    }

    // MARK: logs, export

    @Test("records are printed by time, from either end")
    func logs() throws {
        try sandbox.appendRecords(600)
        let newest = try sandbox.run("logs", "--pipeline", "fraud", "--newest", "--limit", "2")
        #expect(newest.lines == [Sample.line(599), Sample.line(598)])
        let window = try sandbox.run(
            "logs", "--pipeline", "fraud", "--start", "2024-01-09T00:00:07Z", "--limit", "1", "--nested")
        #expect(
            window.output == #"{"time":1704758407000,"in":{"x":[7,0.5]},"out":{"y":[7.25]},"#
                + #""metadata":{"last_model":"{\"model_name\":\"m1\"}"}}"# + "\n")
        let list = try sandbox.run("logs", "--pipeline", "fraud", "--json", "--limit", "3")
        #expect(list.output == "[" + (0..<3).map(Sample.line).joined(separator: ",") + "]\n")
    }

    @Test("records of many slices come once each, in the order of time, whoever came first")
    func slices() throws {
        // Two locations, each with every other moment, so that slices cut through both.
        func lines(_ first: Int) -> String {
            (0..<50_000).map { #"{"time":\#($0 * 2 + first),"in.x":\#($0)}"# + "\n" }.joined()
        }
        try sandbox.write(lines(1), to: "odd")
        try sandbox.write(lines(0), to: "even")
        for name in ["odd", "even"] {
            try sandbox.run("append", "--create", "--pipeline", "p", "--partition", name, name)
        }
        let run = try sandbox.run("logs", "--pipeline", "p")
        #expect(run.lines.count == 100_000)
        #expect(run.lines.enumerated().allSatisfy { $1.hasPrefix(#"{"time":\#($0),"#) })
        let back = try sandbox.run("logs", "--pipeline", "p", "--newest", "--limit", "70000")
        #expect(back.lines.enumerated().allSatisfy { $1.hasPrefix(#"{"time":\#(99_999 - $0),"#) })
        #expect(back.lines.count == 70_000)
        #expect(try sandbox.run("export", "--pipeline", "p").output == lines(0) + lines(1))
    }

    @Test("an export is a whole file or none, and a list where one is asked for")
    func export() throws {
        let text = try sandbox.appendRecords(3000)
        #expect(try sandbox.run("export", "--pipeline", "fraud", "-o", "out.ndjson").status == 0)
        #expect(try sandbox.read("out.ndjson") == text)
        let list = try sandbox.run("export", "--pipeline", "fraud", "--json").output
        #expect(list == "[" + text.dropLast().replacingOccurrences(of: "\n", with: ",") + "]\n")
        #expect(try sandbox.run("export", "--pipeline", "fraud", "-o", "no/such/folder").status == 1)
    }

    // MARK: summarize

    @Test("a path without numbers is refused with those that have some, of more records than the newest")
    func offeredPaths() throws {
        func refusal(_ pipeline: String, _ lines: String) throws -> String {
            try sandbox.write(lines, to: "few.ndjson")
            let append = try sandbox.run(
                "append", "--create", "--workspace", "demo", "--pipeline", pipeline, "few.ndjson")
            #expect(append.status == 0, "\(append.errors)")
            return try sandbox.run("query", "--pipeline", pipeline, "--path", "input none").errors
        }
        // The second has neither field with numbers that the first has.
        let some = try refusal(
            "some",
            #"{"time":1,"in.a":1.5,"in.l":[1,2]}"# + "\n" + #"{"time":2,"in.s":"x","in.b":true,"in.c":3}"#
                + "\n")
        #expect(some.contains(#"there is "input a", "input l 0" to "… 1", "input c""#), "\(some)")
        let none = try refusal("none", #"{"time":1,"in.o":{"a":[1,{}]},"in.s":"x"}"# + "\n")
        #expect(none.contains("nor has the newest or the oldest of them at a path"), "\(none)")
        // Values of several kinds are kept as JSON, and some of them are numbers.
        let mixed = try refusal(
            "mixed",
            #"{"time":1,"in.a":1,"in.l":[1,"x"],"in.m":["x",2,3],"in.s":"x"}"# + "\n"
                + #"{"time":2,"in.a":"x","in.l":{},"in.m":4,"in.s":{"b":1}}"# + "\n")
        #expect(
            mixed.contains(
                #"there is "input a", "input l 0", "input m", "input m 1" and on"#), "\(mixed)")
        #expect(try sandbox.run("query", "--pipeline", "mixed", "--path", "input a").status == 0)
    }

    // A FIFO, a link, even a device was replaced by a file.
    @Test("an export goes through what stands there and is no file: a FIFO, a link, standard output")
    func exportThrough() throws {
        let text = try sandbox.appendRecords(20)
        func export(_ name: String) throws -> CommandRun {
            try sandbox.run("export", "--pipeline", "fraud", "--output", name)
        }
        func status(_ name: String) -> stat {
            var found = stat()
            lstat(sandbox.file(name), &found)
            return found
        }
        #expect(mkfifo(sandbox.file("fifo"), 0o600) == 0)
        // A reader that is there already, and far more room in the pipe than the records take.
        let reader = FileHandle(
            fileDescriptor: open(sandbox.file("fifo"), O_RDONLY | O_NONBLOCK), closeOnDealloc: true)
        #expect(try export("fifo").status == 0)
        #expect(status("fifo").st_mode & S_IFMT == S_IFIFO)
        #expect(try reader.read(upToCount: 1 << 16).map { String(decoding: $0, as: UTF8.self) } == text)
        try FileManager.default.createDirectory(
            atPath: sandbox.file("folder"), withIntermediateDirectories: false)
        try sandbox.write("old", to: "folder/there")
        for (link, target) in [
            ("link", "folder/there"), ("folder/second", "new"), ("first", "folder/second"),
        ] {
            #expect(symlink(target, sandbox.file(link)) == 0)
        }
        for (link, file) in [("link", "folder/there"), ("first", "folder/new")] {
            #expect(try export(link).status == 0)
            #expect(status(link).st_mode & S_IFMT == S_IFLNK, "\(link)")
            #expect(status(file).st_mode & S_IFMT == S_IFREG, "\(file)")
            #expect(try sandbox.read(file) == text, "\(file)")
        }
        #expect(symlink("loop", sandbox.file("loop")) == 0)
        #expect(try export("loop").errors.contains("leads to itself"))
        #expect(try export("folder").errors.contains("Is a directory"))
        #expect(try export("-").output == text)
        #expect(status("-").st_mode == 0, "no file of that name")
        try sandbox.write("", to: "shell")
        let before = status("shell").st_ino
        let process = try sandbox.process(
            ["export", "--pipeline", "fraud", "--output", "shell"], output: "shell", errors: "errors")
        process.waitUntilExit()
        #expect(status("shell").st_ino == before, "what the shell holds open is not replaced")
        #expect(try sandbox.read("shell") == text)
    }

    @Test("numbers in a file are summarised as a baseline is")
    func summarizeValues() throws {
        try sandbox.write("1\n2\nnull\n3\n4\n", to: "lines")
        try sandbox.write("[1, 2.0, null, 3e0,\n 4]", to: "list")
        let expected =
            #"{"count":4,"min":1.0,"max":4.0,"mean":2.5,"median":2.5,"std":1.118033988749895,"#
            + #""edges":[1.0,2.0,4.0,null],"edge_names":["left_outlier","q_50","q_100","right_outlier"],"#
            + #""aggregated_values":[0.0,0.5,0.5,0.0],"aggregation":"Density","start":null,"end":null,"#
            + #""missing_count":1}"# + "\n"
        for name in ["lines", "list"] {
            #expect(
                try sandbox.run("summarize", "--values", name, "--bins", "2", "--json").output == expected)
        }
        #expect(
            try sandbox.run("summarize", "--values", "-", "--bins", "2", "--json", input: "lines").output
                == expected)
        #expect(
            try sandbox.run("summarize", "--values", "lines", "--mode", "provided", "--edges", "0,x").status
                == 2)
        try sandbox.write("1\nx\n", to: "bad")
        #expect(try sandbox.run("summarize", "--values", "bad").errors.contains("line 2"))
        for line in ["1 2 3", "1\t2", "0x10", "inf", "+1", "1e999"] {
            try sandbox.write("7\n \(line) \n", to: "bad")
            let refused = try sandbox.run("summarize", "--values", "bad")
            #expect(refused.status != 0 && refused.errors.contains("line 2: \"\(line)\""), "\(line)")
        }
    }

    @Test("a window is summarised by its records alone")
    func summarizeWindow() throws {
        try sandbox.appendRecords(600)
        let run = try sandbox.run(
            "summarize", "--pipeline", "fraud", "--path", "output y 0", "--start", "2024-01-09T00:00:10Z",
            "--end",
            "2024-01-09T00:00:20Z", "--mode", "Equal", "--bins", "3", "--json")
        #expect(run.output.hasPrefix(#"{"count":10,"min":0.25,"max":9.25,"mean":4.75,"#), "\(run.errors)")
        #expect(run.output.contains(#""edges":[0.25,3.25,6.25,9.25,null]"#))
        #expect(run.output.contains(#""start":"2024-01-09T00:00:10Z","end":"2024-01-09T00:00:20Z""#))
        let all = try sandbox.run("summarize", "--pipeline", "fraud", "--path", "input x 0")
        #expect(all.lines[1].hasSuffix(" 600"))
        #expect(try sandbox.run("summarize").status == 2)
    }

    @Test("what cannot be summarised is refused by the options' names, and the user's stay as they are")
    func summaryRefusals() throws {
        try sandbox.appendRecords(3)
        let cases: [(options: [String], said: String)] = [
            (["--path", "input x 0", "--bins", "0"], "--bins is 0; give a number"),
            (["--path", "input x 0", "--mode", "provided"], "--mode is Provided but --edges is missing"),
            (["--path", "input num_bins"], "--path is \"input num_bins\""),
            (
                ["--path", "input x 0", "--start", "2000-01-01T00:00:00Z", "--end", "2000-01-02T00:00:00Z"],
                "--start and --end must name a period with records"
            ),
        ]
        for (options, said) in cases {
            let run = try sandbox.run(["summarize", "--pipeline", "fraud"] + options)
            #expect(run.status != 0 && run.errors.contains(said), "\(run.errors)")
            #expect(!run.errors.contains("field \"") && !run.errors.contains("_window"), "\(run.errors)")
        }
    }

    // Each was dropped without a word.
    @Test("options that would do nothing are refused")
    func idleOptions() throws {
        try sandbox.write("1\n2\n", to: "lines")
        for (option, value, part) in [
            ("--edges", "0,1", "--edges is for --mode Provided"), ("--path", "in.a", "--path is of records"),
            ("--start", "2024-01-09T00:00:00Z", "--start is of records"),
            ("--location", "a", "--location is of records"),
        ] {
            let run = try sandbox.run("summarize", "--values", "lines", option, value)
            #expect(run.status == 2 && run.errors.contains(part), "\(run.errors)")
        }
    }
}
