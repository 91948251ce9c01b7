// Invariants checked: those at the heads of Importer.swift, MarkSearch.swift, RecordChunks.swift and
// InferenceStore+Import.swift.

import Foundation
import Glibc
import Testing

@Suite struct AppendTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    private func append(_ arguments: String...) throws -> CommandRun {
        let all = ["append", "--create", "--workspace", "demo", "--pipeline", "fraud"] + arguments
        let (output, errors) = ("append-out", "append-err")
        let process = try sandbox.process(all, output: output, errors: errors)
        process.waitUntilExit()
        return CommandRun(
            status: process.terminationStatus, output: try sandbox.read(output),
            errors: try sandbox.read(errors))
    }

    private func exported() throws -> String { try sandbox.run("export", "--pipeline", "fraud").output }

    @Test("what is appended comes back as it was, in as many commits as it has chunks")
    func comesBack() throws {
        let text = Sample.lines(0..<12_000)
        try sandbox.write(text, to: "a.ndjson")
        let run = try append("--json", "a.ndjson")
        #expect(run.status == 0)
        #expect(run.output.contains(#""records":12000,"commits":2,"bytes":\#(text.utf8.count)"#))
        #expect(try exported() == text)
    }

    @Test("a list of records, however it is spaced, is its records")
    func list() throws {
        let lines = (0..<11_000).map { Sample.line($0) }
        try sandbox.write(" [\n  " + lines.joined(separator: " ,\n\n  ") + "\n]\n", to: "a.json")
        #expect(try append("a.json").status == 0)
        #expect(try exported() == lines.joined(separator: "\n") + "\n")
    }

    @Test(
        "a list that is cut or holds anything else is refused at its place",
        arguments: [
            (#"[{"in.x":1}"#, "not closed"), (#"[{"in.x":1},]"#, "byte 12"),
            (#"[{"in.x":1} {"in.x":2}]"#, "byte 12"),
            (#"[,{"in.x":1}]"#, "byte 1"), (#"[{"in.x":1}] x"#, "behind the list"), (#"[1]"#, "byte 1"),
            (#"[{"in.x":1}}"#, "byte 11"), ("time,x\n1,2\n", "holds no records"),
            (#"[{"in.x":"]},{"}, 5]"#, "byte 18"),
        ])
    func badLists(_ text: String, _ problem: String) throws {
        try sandbox.write(text, to: "bad.json")
        let run = try append("bad.json")
        #expect(run.status == 1)
        #expect(run.errors.contains(problem), "\(run.errors)")
    }

    @Test("nothing is made without --create, and the refusal names it")
    func createsNothing() throws {
        try sandbox.write(Sample.lines(0..<1), to: "a.ndjson")
        let run = try sandbox.run("append", "--pipeline", "fraud", "a.ndjson")
        #expect(run.status == 1)
        #expect(run.errors.contains("--create"))
        #expect(!FileManager.default.fileExists(atPath: sandbox.file("assaylog-data")))
        try sandbox.appendRecords(1)
        let other = try sandbox.run("append", "--pipeline", "froud", "a.ndjson")
        #expect(other.status == 1)
        #expect(other.errors.contains("--create") && other.errors.contains("fraud"))
    }

    @Test("a file that is in the log is not appended again unless it is asked for")
    func againOnlyIfAsked() throws {
        let text = try sandbox.appendRecords(100)
        let refused = try sandbox.run("append", "--pipeline", "fraud", "records.ndjson")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("--resume") && refused.errors.contains("--again"))
        let resumed = try sandbox.run("append", "--pipeline", "fraud", "--resume", "--json", "records.ndjson")
        #expect(resumed.output.contains(#""records":0"#))
        #expect(try exported() == text)
        #expect(try sandbox.run("append", "--pipeline", "fraud", "--again", "records.ndjson").status == 0)
        #expect(try exported() == text + text)
    }

    @Test("what is said of a file that is in the log is declared, once, though nothing of it is appended")
    func declaredWithoutRecords() throws {
        let text = try sandbox.appendRecords(100)
        /// How many events in the log's files are of a kind.
        func eventCount(_ kind: String) throws -> Int {
            let names = try FileManager.default.contentsOfDirectory(atPath: sandbox.file("assaylog-data"))
            return try names.filter { $0.hasPrefix("segment-") }.reduce(0) { sum, name in
                let bytes = try Data(
                    contentsOf: URL(fileURLWithPath: sandbox.file("assaylog-data/\(name)")))
                return sum + String(decoding: bytes, as: UTF8.self).components(separatedBy: kind).count - 1
            }
        }
        let kinds = ["\"location_declared\"", "\"float32_declared\""]
        let options = ["append", "--pipeline", "fraud", "--edge", "--float32", "out.y"]
        #expect(try sandbox.run(options + ["records.ndjson"]).status == 1)
        #expect(try kinds.map(eventCount) == [0, 0], "what is refused declares nothing")
        for _ in 0..<2 {
            #expect(try sandbox.run(options + ["--resume", "records.ndjson"]).status == 0)
            #expect(try kinds.map(eventCount) == [1, 1])
        }
        #expect(try exported() == text)
    }

    @Test("a moved file is known by what it holds, a changed one is not taken for itself")
    func knownByContents() throws {
        let text = try sandbox.appendRecords(100)
        try sandbox.write(text + Sample.lines(100..<150), to: "moved.ndjson")
        let grown = try sandbox.run("append", "--pipeline", "fraud", "--resume", "--json", "moved.ndjson")
        #expect(grown.output.contains(#""records":50"#))
        #expect(try exported() == text + Sample.lines(100..<150))
        try sandbox.write(text.replacingOccurrences(of: "0.5", with: "1.5"), to: "records.ndjson")
        let changed = try sandbox.run("append", "--pipeline", "fraud", "--resume", "records.ndjson")
        #expect(changed.status == 1)
        #expect(changed.errors.contains("changed since"))
    }

    @Test("a change anywhere in what was imported is seen, and its place is named")
    func changedInTheMiddle() throws {
        let text = Sample.lines(0..<25_000)
        try sandbox.write(text, to: "a.ndjson")
        #expect(try append("a.ndjson").status == 0)
        // In the second commit's records, far from either end; the length is the same.
        let line = Sample.line(15_000)
        let other = line.replacingOccurrences(
            of: "\(Sample.start + 15_000_000)", with: "\(Sample.start + 15_000_007)")
        try #require(other != line && other.count == line.count)
        try sandbox.write(
            text.replacingOccurrences(of: line, with: other) + Sample.lines(25_000..<25_010), to: "a.ndjson")
        let resumed = try append("--resume", "a.ndjson")
        let first = Sample.lines(0..<10_000).utf8.count
        let second = Sample.lines(0..<20_000).utf8.count
        #expect(resumed.status == 1)
        #expect(
            resumed.errors.contains("has changed since, between byte \(first) and byte \(second)"),
            "\(resumed.errors)")
        #expect(resumed.errors.contains("--again"))
        #expect(try exported() == text)
        // Put back, it goes on.
        try sandbox.write(text + Sample.lines(25_000..<25_010), to: "a.ndjson")
        #expect(try append("--resume", "--json", "a.ndjson").output.contains(#""records":10,"#))
    }

    @Test("a file that was written over under the same name is another file, and each is known for itself")
    func writtenOver() throws {
        let texts = [Sample.lines(0..<5), Sample.lines(100..<108)]
        for text in texts {
            try sandbox.write(text, to: "export.ndjson")
            #expect(try append("export.ndjson").status == 0)
        }
        // The second, and the first put back: both are in the log.
        for text in texts.reversed() {
            try sandbox.write(text, to: "export.ndjson")
            let refused = try append("export.ndjson")
            #expect(refused.status == 1 && refused.errors.contains("is in the log already"), "\(refused)")
            let resumed = try append("--resume", "--json", "export.ndjson")
            #expect(resumed.status == 0 && resumed.output.contains(#""records":0,"#), "\(resumed)")
        }
        try sandbox.write(texts[1] + Sample.lines(108..<110), to: "export.ndjson")
        #expect(try append("--resume", "--json", "export.ndjson").output.contains(#""records":2,"#))
        #expect(try exported() == texts[0] + texts[1] + Sample.lines(108..<110))
    }

    // The newest mark was taken, which was the other file's: all behind it was stored twice.
    @Test("a file is gone on with where it ends in the log, though one that begins like it came since")
    func beginsAlike() throws {
        let (text, beginning) = (Sample.lines(0..<12_000), Sample.lines(0..<100))
        try sandbox.write(text, to: "whole.ndjson")
        try sandbox.write(beginning, to: "part.ndjson")
        for name in ["whole.ndjson", "part.ndjson"] { #expect(try append(name).status == 0) }
        // Where it was, moved, and under the other's name.
        for name in ["whole.ndjson", "moved.ndjson", "part.ndjson"] {
            try sandbox.write(text, to: name)
            let resumed = try append("--resume", "--json", name)
            #expect(resumed.status == 0 && resumed.output.contains(#""records":0,"#), "\(name): \(resumed)")
        }
        #expect(try exported() == text + beginning)
    }

    @Test(
        "an import that --again asked for and that stopped goes on where it stopped, not where the first ended"
    )
    func interruptedAgain() throws {
        let text = Sample.lines(0..<12_000)
        try sandbox.write(text, to: "a.ndjson")
        #expect(try append("a.ndjson").status == 0)
        try sandbox.write(Sample.lines(0..<10_500) + "{\"time\":1,}\n", to: "a.ndjson")
        #expect(try append("--again", "a.ndjson").errors.contains("10,000 records before it are in the log"))
        try sandbox.write(text, to: "a.ndjson")
        #expect(try append("--resume", "--json", "a.ndjson").output.contains(#""records":2000,"#))
        #expect(try exported() == text + text)
    }

    @Test("a location's name that a server refuses is refused for a directory, too")
    func unclearPartitions() throws {
        try sandbox.write(Sample.lines(0..<1), to: "a.ndjson")
        let control = try append("--partition", "a\nb", "a.ndjson")
        #expect(control.status == 2 && control.errors.contains("control characters"), "\(control.errors)")
        #expect(try append("--partition", "caf\u{E9}", "a.ndjson").status == 0)
        let decomposed = try append("--partition", "cafe\u{301}", "a.ndjson")
        #expect(
            decomposed.status == 1 && decomposed.errors.contains("other Unicode characters"),
            "\(decomposed.errors)")
    }

    @Test("a pipeline is not made where it could be in several workspaces; which there are is said")
    func severalWorkspaces() throws {
        try sandbox.write(Sample.lines(0..<1), to: "a.ndjson")
        for name in ["one", "two"] {
            let run = try sandbox.run(
                "append", "--create", "--workspace", name, "--pipeline", "both", "a.ndjson")
            #expect(run.status == 0, "\(run.errors)")
        }
        let run = try sandbox.run("append", "--create", "--pipeline", "new", "a.ndjson")
        #expect(
            run.status == 1 && run.errors.contains("add --workspace with one of one, two, or a new name"),
            "\(run.errors)")
    }

    @Test(
        "a change behind where an import was resumed is not stored again from there, and the file may have moved",
        arguments: [false, true])
    func changedBehindAResumption(isMoved: Bool) throws {
        let text = Sample.lines(0..<6_000)
        let name = isMoved ? "moved.ndjson" : "a.ndjson"
        try sandbox.write(Sample.lines(0..<3_000), to: "a.ndjson")
        try sandbox.write(Sample.lines(9_000..<9_010), to: "b.ndjson")
        for name in ["a.ndjson", "b.ndjson"] { #expect(try append(name).status == 0) }
        try sandbox.write(text, to: name)
        #expect(try append("--resume", "--json", name).output.contains(#""records":3000,"#))
        let before = try exported()
        let boundary = Sample.lines(0..<3_000).utf8.count
        // Far from either end, and among the last bytes; the length is the same.
        for number in [4_500, 5_999] {
            let line = Sample.line(number)
            let other = line.replacingOccurrences(of: "0.5]", with: "1.5]")
            try #require(other != line && other.count == line.count)
            try sandbox.write(
                text.replacingOccurrences(of: line, with: other) + Sample.lines(6_000..<6_010), to: name)
            let resumed = try append("--resume", name)
            #expect(resumed.status == 1, "\(number): \(resumed.output)")
            let place = number == 4_500 ? ", between byte \(boundary) and byte \(text.utf8.count)" : ""
            #expect(resumed.errors.contains("has changed since\(place), so"), "\(resumed.errors)")
        }
        #expect(try exported() == before)
        try sandbox.write(text + Sample.lines(6_000..<6_010), to: name)
        #expect(try append("--resume", "--json", name).output.contains(#""records":10,"#))
    }

    @Test("a bad line stops the import at its chunk, and --resume goes on behind the good ones")
    func badLine() throws {
        let good = Sample.lines(0..<10_500)
        try sandbox.write(good + "{\"time\":1,}\n" + Sample.lines(10_500..<10_600), to: "a.ndjson")
        let run = try append("a.ndjson")
        #expect(run.status == 1)
        #expect(run.errors.contains("line 10501"), "\(run.errors)")
        #expect(run.errors.contains("10,000 records before it are in the log"))
        let whole = Sample.lines(0..<10_600)
        try sandbox.write(whole, to: "a.ndjson")
        let resumed = try append("--resume", "--json", "a.ndjson")
        #expect(resumed.output.contains(#""records":600"#))
        #expect(try exported() == whole)
    }

    @Test("an import that is killed at any moment goes on where its last commit ended")
    func killed() throws {
        let text = Sample.lines(0..<50_000)
        try sandbox.write(text, to: "a.ndjson")
        let arguments = [
            "append", "--create", "--workspace", "demo", "--pipeline", "fraud", "--resume", "a.ndjson",
        ]
        for milliseconds in [150, 400, 700] {
            let process = try sandbox.process(arguments, output: "out", errors: "err")
            usleep(UInt32(milliseconds) * 1000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let last = try append("--resume", "a.ndjson")
        #expect(last.status == 0, "\(last.errors)")
        #expect(try exported() == text)
        #expect(try sandbox.run("check").status == 0)
    }

    @Test("a directory that another process writes is refused with the way to reach that process")
    func locked() throws {
        try sandbox.appendRecords(10)
        let lock = open(sandbox.file("assaylog-data/LOCK"), O_RDWR)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        try sandbox.write(Sample.lines(10..<11), to: "more.ndjson")
        let run = try sandbox.run("append", "--pipeline", "fraud", "--partition", "a b", "more.ndjson")
        #expect(run.status == 1)
        #expect(run.errors.contains("--server"))
        #expect(run.errors.contains("/v1/logs/topic/workspace-1-pipeline-fraud-inference/partition/a%20b"))
        // Whoever reads is not in the way of whoever writes.
        #expect(try sandbox.run("logs", "--pipeline", "fraud").lines.count == 10)
    }

    @Test("standard input is a file, and records without a time are of now")
    func standardInput() throws {
        try sandbox.write(#"{"in":{"x":1}}"#, to: "a")
        let run = try sandbox.run("append", "--create", "--pipeline", "p", "-", input: "a")
        #expect(run.status == 0, "\(run.errors)")
        let recent = ISO8601DateFormatter().string(from: Date(timeIntervalSinceNow: -600))
        let values = try sandbox.run("query", "--pipeline", "p", "--path", "input x", "--start", recent)
        #expect(values.lines.count == 1)
        #expect(values.output.hasSuffix("  1.0\n"))
    }

    @Test("standard input that is a file is resumed as one; of a pipe it is said that it is not")
    func interruptedStandardInput() throws {
        let good = Sample.lines(0..<10_000)
        try sandbox.write(good + "{\n", to: "a")
        let file = try sandbox.run("append", "--create", "--pipeline", "p", "-", input: "a")
        #expect(file.status == 1 && file.errors.contains("run again with --resume"), "\(file.errors)")
        // The last line is meant, not the one that would come behind its newline.
        #expect(file.errors.contains("line 10001, "), "\(file.errors)")
        try sandbox.write(good + Sample.lines(10_000..<10_003), to: "a")
        let rest = try sandbox.run("append", "--pipeline", "p", "--resume", "-", input: "a")
        #expect(rest.status == 0 && rest.output.hasPrefix("3 records in 1 commit"), "\(rest.errors)")
        #expect(try sandbox.run("append", "--pipeline", "p", "a").errors.contains("is in the log already"))
        try sandbox.write(good + "{\n", to: "b")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.currentDirectoryURL = URL(fileURLWithPath: sandbox.path)
        process.arguments = [
            "-c", #"cat b | "$0" append --pipeline p --partition piped - 2>told"#, Sandbox.executable,
        ]
        try process.run()
        process.waitUntilExit()
        let told = try sandbox.read("told")
        #expect(process.terminationStatus == 1)
        #expect(
            told.contains("without its first 10,000 records, or they are stored twice"), "\(told)")
        #expect(!told.contains("--resume") && !told.contains("named before it"))
    }

    // All records of the run were taken for the pipe's, and --resume was the remedy of a run that it refuses.
    @Test("of several inputs it is said which one's records are in the log, and what is said to do is true")
    func interruptedPipe() throws {
        let texts = [0..<5, 100..<10_100, 20_000..<20_003].map { Sample.lines($0) }
        for (name, text) in zip(["a", "b", "c"], texts) { try sandbox.write(text, to: name) }
        func append(_ names: String, piping input: String, into partition: String) throws -> CommandRun {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.currentDirectoryURL = URL(fileURLWithPath: sandbox.path)
            process.arguments = [
                "-c",
                "{ \(input); } | \"$0\" append --create --pipeline p --partition \(partition) \(names) >out 2>told",
                Sandbox.executable,
            ]
            try process.run()
            process.waitUntilExit()
            return CommandRun(
                status: process.terminationStatus, output: try sandbox.read("out"),
                errors: try sandbox.read("told"))
        }
        // The pipe is the second input, and ends badly.
        let second = try append("a -", piping: "cat b; echo '{'", into: "one")
        #expect(second.status == 1 && second.errors.contains("10,005 records before it"), "\(second.errors)")
        #expect(
            second.errors.contains(
                "its first 10,000 records, and without the inputs that were named before it"),
            "\(second.errors)")
        #expect(try append("-", piping: "cat c", into: "one").output.hasPrefix("3 records"))
        #expect(try sandbox.run("export", "--pipeline", "p").output == texts.joined())
        // Nothing of it is in the log.
        let none = try append("a -", piping: "echo '{'", into: "two")
        #expect(none.errors.contains("5 records before it are in the log; none is of standard input"))
        // It is read to its end, and the file behind it ends badly: that alone is gone on with.
        try sandbox.write(texts[1] + "{\n", to: "bad")
        let behind = try append("- bad", piping: "cat a", into: "three")
        #expect(behind.errors.contains("with --resume, without standard input: "), "\(behind.errors)")
        try sandbox.write(texts[1] + texts[2], to: "bad")
        let mended = try append("--resume bad", piping: "true", into: "three")
        #expect(mended.status == 0 && mended.output.hasPrefix("3 records"), "\(mended.errors)")
        let resumed = try append("--resume -", piping: "cat a", into: "three")
        #expect(
            resumed.status == 2 && resumed.errors.contains("without the records of it that are in the log"))
    }

    // It was declared without a word, and changed nothing.
    @Test(
        "a float32 field that no record has is told, with those that there are; one of the last record is not"
    )
    func unknownFloat32() throws {
        try sandbox.write(
            Sample.lines(0..<10_000) + "{\"time\":\(Sample.start),\"in.late\":0.5}\n", to: "a.ndjson")
        let options = ["in.nosuch", "out.y", "in.late", "in.nosuch"].flatMap { ["--float32", $0] }
        let run = try sandbox.run(["append", "--create", "--pipeline", "p"] + options + ["a.ndjson"])
        #expect(run.status == 0)
        #expect(run.errors.components(separatedBy: "note: --float32 is ").count == 2, "\(run.errors)")
        #expect(run.errors.contains("--float32 is \"in.nosuch\", and no record"), "\(run.errors)")
        #expect(run.errors.contains("they have in.x, out.y, metadata.last_model, in.late"), "\(run.errors)")
        // Of what is in the log already nothing is read.
        let again = try sandbox.run(
            "append", "--pipeline", "p", "--resume", "--float32", "in.nosuch", "a.ndjson")
        #expect(again.status == 0 && !again.errors.contains("in.nosuch"), "\(again.errors)")
    }

    // It was taken to be read from its beginning: the mark was of other bytes than were stored.
    @Test("a file of which standard input has only the end is no file that can be gone back to")
    func partlyReadStandardInput() throws {
        try sandbox.write(Sample.lines(0..<3), to: "a")
        func append(_ options: String) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.currentDirectoryURL = URL(fileURLWithPath: sandbox.path)
            process.arguments = [
                "-c",
                #"{ read -r skipped; "$0" append --create --pipeline p \#(options) - >out 2>told; } <a"#,
                Sandbox.executable,
            ]
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        #expect(try append("") == 0)
        #expect(try sandbox.run("export", "--pipeline", "p").output == Sample.lines(1..<3))
        // Nothing is known of the file: it is none that was imported.
        let whole = try sandbox.run("append", "--pipeline", "p", "a")
        #expect(whole.status == 0 && whole.output.hasPrefix("3 records in 1 commit"), "\(whole.errors)")
        #expect(try append("--resume") == 2)
        #expect(try sandbox.read("told").contains("no file that can be gone back to"))
    }

    @Test("a command line that makes no sense ends with 2")
    func usage() throws {
        #expect(try sandbox.run("append", "--pipeline", "p").status == 2)
        #expect(try sandbox.run("append", "--pipeline", "p", "--resume", "-").status == 2)
        #expect(try sandbox.run("append", "--pipeline", "p", "--resume", "--again", "a").status == 2)
        #expect(try sandbox.run("append", "--pipeline", "p", "--float32", "time", "a").status == 2)
        #expect(try sandbox.run("nonsense").status == 2)
        #expect(try sandbox.run("append", "--pipeline", "p", "missing.ndjson").status == 1)
        #expect(try sandbox.run("--help").status == 0)
    }
}
