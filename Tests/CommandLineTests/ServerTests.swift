// Commands beside a running server: reading its directory, appending through it.

import Bytes
import Dispatch
import Foundation
import FoundationNetworking
import Store
import Synchronization
import Testing

@Suite struct ServerTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    @Test("a file goes through a server into its log, where commands read it at once")
    func appendThroughServer() throws {
        let text = Sample.lines(0..<12_000)
        try sandbox.write(text, to: "a.ndjson")
        try sandbox.serving { address in
            let refused = try sandbox.run("append", "--server", address, "--pipeline", "fraud", "a.ndjson")
            #expect(refused.status == 1)
            let run = try sandbox.run(
                "append", "--server", address, "--create", "--workspace", "demo", "--pipeline", "fraud",
                "--json",
                "a.ndjson")
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains(#""records":12000,"commits":2"#))
            #expect(try sandbox.run("export", "--pipeline", "fraud").output == text)
            // Once more: what is there is told by its keys and not stored again.
            for flag in ["--json", "--resume"] {
                let again = try sandbox.run(
                    "append", "--server", address, "--pipeline", "fraud", "--json", flag, "a.ndjson")
                #expect(again.output.contains(#""records":0,"commits":0"#), "\(again.output)")
            }
            let wanted = try sandbox.run(
                "append", "--server", address, "--pipeline", "fraud", "--again", "--json", "a.ndjson")
            #expect(wanted.output.contains(#""records":12000,"commits":2"#), "\(wanted.output)")
            let values = try sandbox.run(
                "query", "--pipeline", "fraud", "--path", "output y 0", "--end", "2024-01-09T00:00:02Z")
            #expect(values.lines.count == 2 * 2)
            // To another partition it is another request; and that one, too, is stored once.
            for count in [12_000, 0] {
                let other = try sandbox.run(
                    "append", "--server", address, "--pipeline", "fraud", "--partition", "b", "--json",
                    "a.ndjson")
                #expect(other.output.contains(#""records":\#(count),"#), "\(other.output) \(other.errors)")
            }
            #expect(try sandbox.run("check").status == 0)
            let direct = try sandbox.run("append", "--pipeline", "fraud", "a.ndjson")
            #expect(direct.status == 1 && direct.errors.contains("--server"))
        }
        #expect(try sandbox.run("check").status == 0)
    }

    @Test("of a file that has grown a server stores what is new, however it ended before")
    func grown() throws {
        try sandbox.serving { address in
            func send(_ text: String, _ more: String...) throws -> CommandRun {
                try sandbox.write(text, to: "a.ndjson")
                return try sandbox.run(
                    [
                        "append", "--server", address, "--create", "--workspace", "demo", "--pipeline",
                        "fraud",
                        "--json",
                    ] + more + ["a.ndjson"])
            }
            var whole = ""
            // A few records, some more, past a chunk, and a chunk more; with and without a last newline.
            for (count, isEnded) in [(5, true), (8, false), (10_020, true), (22_000, false), (22_000, true)] {
                let before = whole.isEmpty ? 0 : whole.split(separator: "\n").count
                whole = Sample.lines(0..<count)
                let run = try send(isEnded ? whole : String(whole.dropLast()), "--resume")
                #expect(run.status == 0, "\(run.errors)")
                #expect(run.output.contains(#""records":\#(count - before),"#), "\(count): \(run.output)")
                #expect(try sandbox.run("export", "--pipeline", "fraud").output == whole)
            }
        }
    }

    @Test(
        "files that begin alike are told apart: each is stored whole and once; --resume refuses with the place"
    )
    func alike() throws {
        try sandbox.serving { address in
            func send(_ name: String, _ more: String...) throws -> CommandRun {
                try sandbox.run(
                    [
                        "append", "--server", address, "--create", "--workspace", "demo", "--pipeline",
                        "fraud",
                        "--json",
                    ] + more + [name])
            }
            let common = Sample.lines(0..<10_000)
            let texts = [1, 2, 3].map { common + Sample.lines(20_000 * $0..<20_000 * $0 + 100 * $0) }
            for (number, text) in texts.enumerated() { try sandbox.write(text, to: "\(number).ndjson") }
            #expect(try send("0.ndjson").output.contains(#""records":10100,"#))
            let refused = try send("1.ndjson", "--resume")
            #expect(refused.status == 1)
            #expect(
                refused.errors.contains("behind record 10000 (the server has 100 other records there)"),
                "\(refused.errors)")
            // Once more, nothing of any of them is stored again, whatever it is called.
            for count in [1, 0] {
                for (number, rowCount) in [(1, 10_200), (2, 10_300)] {
                    let run = try send("\(number).ndjson")
                    #expect(
                        run.output.contains(#""records":\#(rowCount * count),"#),
                        "\(run.output) \(run.errors)")
                }
            }
            try sandbox.write(texts[1], to: "moved.ndjson")
            #expect(try send("moved.ndjson").output.contains(#""records":0,"#))
            #expect(try sandbox.run("export", "--pipeline", "fraud").lines.count == 30_600)
        }
    }

    /// What `append` says and does to a server, with records of one pipeline.
    private func send(_ address: String, _ arguments: String...) throws -> CommandRun {
        try sandbox.run(
            [
                "append", "--server", address, "--create", "--workspace", "demo", "--pipeline", "fraud",
                "--json",
            ] + arguments)
    }

    @Test("a file whose beginning alone is there is stored on only with --resume, as it may be another one")
    func beginningOfAnother() throws {
        let text = Sample.lines(0..<4)
        try sandbox.write(Sample.lines(0..<2), to: "1.ndjson")
        try sandbox.write(text, to: "2.ndjson")
        try sandbox.serving { address in
            #expect(try send(address, "1.ndjson").output.contains(#""records":2,"#))
            let refused = try send(address, "2.ndjson")
            #expect(refused.status == 1, "\(refused.output)")
            for part in ["the 2 records before", "--resume", "--again"] {
                #expect(refused.errors.contains(part), "\(refused.errors)")
            }
            #expect(try sandbox.run("export", "--pipeline", "fraud").lines.count == 2)
            #expect(try send(address, "--again", "2.ndjson").output.contains(#""records":4,"#))
            #expect(try send(address, "--resume", "2.ndjson").output.contains(#""records":2,"#))
            #expect(try send(address, "2.ndjson").output.contains(#""records":0,"#))
        }
    }

    @Test("--resume goes on with the one of two files that begin alike whose import was interrupted")
    func resumedAlike() throws {
        let common = Sample.lines(0..<10_000)
        let second = common + Sample.lines(40_000..<52_000)
        try sandbox.write(common + Sample.lines(20_000..<20_100), to: "1.ndjson")
        let lines = second.split(separator: "\n")
        try sandbox.write(
            lines[..<21_000].joined(separator: "\n") + "\n{\"time\":1,}\n", to: "2.ndjson")
        try sandbox.serving { address in
            #expect(try send(address, "1.ndjson").status == 0)
            let cut = try send(address, "2.ndjson")
            #expect(cut.status == 1 && cut.errors.contains("again with --resume"), "\(cut.errors)")
            try sandbox.write(second, to: "2.ndjson")
            let resumed = try send(address, "--resume", "2.ndjson")
            #expect(resumed.output.contains(#""records":2000,"#), "\(resumed.output) \(resumed.errors)")
            #expect(
                try sandbox.run("export", "--pipeline", "fraud").output
                    == common + Sample.lines(20_000..<20_100) + second)
        }
    }

    @Test("a file is known by the keys it got, though those of the file that it began like are forgotten")
    func forgottenKeys() throws {
        let text = Sample.lines(0..<10)
        try sandbox.write(text, to: "2.ndjson")
        try sandbox.write(Sample.lines(0..<1), to: "other.ndjson")
        try sandbox.serving { address in
            // The pipeline, and nothing of the file.
            #expect(try send(address, "--partition", "b", "other.ndjson").status == 0)
            // As the second file that begins so, when the first was known.
            try store(String(text.dropLast()), address, of: Sample.line(0), attempt: 1, row: 0)
            let run = try send(address, "2.ndjson")
            #expect(run.output.contains(#""records":0,"#), "\(run.output) \(run.errors)")
        }
    }

    /// Sends records as `append` sends those at a row of a file.
    private func store(
        _ text: String, _ address: String, of firstRecord: String, attempt: Int, row: Int
    ) throws {
        let beginning = Array(firstRecord.utf8).withUnsafeBytes { Fingerprint($0) }
        let path = "/v1/logs/topic/workspace-1-pipeline-fraud-inference/partition/import"
        var request = URLRequest(url: URL(string: address + path)!)
        request.httpMethod = "POST"
        request.setValue("application/x-ndjson", forHTTPHeaderField: "Content-Type")
        request.setValue(
            ImportMark.key(salt: "import", beginning: beginning, attempt: attempt, row: row),
            forHTTPHeaderField: "Idempotency-Key")
        request.httpBody = Data(text.utf8)
        let answered = DispatchSemaphore(value: 0)
        let status = Mutex(0)
        URLSession.shared.dataTask(with: request) { _, answer, _ in
            status.withLock { $0 = (answer as? HTTPURLResponse)?.statusCode ?? 0 }
            answered.signal()
        }.resume()
        answered.wait()
        #expect(status.withLock { $0 } == 200)
    }

    @Test(
        "what is stored of a chunk is counted, whatever ended it: so where its second half is another file's")
    func partlyStored() throws {
        // Too many fields for one request, so that it is sent in halves.
        let lines = (0..<22).map { row in
            let fields = (0..<1000).map { #""in.f\#(row)_\#($0)":\#($0)"# }.joined(separator: ",")
            return #"{"time":\#(Sample.start + row),\#(fields)}"#
        }
        try sandbox.write(lines.joined(separator: "\n") + "\n", to: "a.ndjson")
        try sandbox.write(Sample.lines(0..<1), to: "other.ndjson")
        try sandbox.serving { address in
            #expect(try send(address, "--partition", "b", "other.ndjson").status == 0)
            try store(Sample.line(1), address, of: lines[0], attempt: 0, row: 11)
            let run = try send(address, "a.ndjson")
            #expect(run.status == 1)
            for part in [
                "behind record 11 (the server has 1 other record", "11 records before it are in the log",
            ] {
                #expect(run.errors.contains(part), "\(run.errors)")
            }
            #expect(try sandbox.run("export", "--pipeline", "fraud").lines.count == 1 + 1 + 11)
        }
    }

    // --resume would have stored them twice: each import with --again has keys of its own.
    @Test("after an import with --again failed, its records are not promised to be known again")
    func interruptedAgain() throws {
        try sandbox.write(Sample.lines(0..<10_000) + "{\"time\":1,}\n", to: "a.ndjson")
        try sandbox.serving { address in
            let run = try send(address, "--again", "a.ndjson")
            #expect(run.status == 1 && run.errors.contains("in the log; with --again"), "\(run.errors)")
            #expect(run.errors.contains("send only what comes behind them"), "\(run.errors)")
            #expect(!run.errors.contains("--resume"), "\(run.errors)")
        }
    }

    /// What `append` does to a server where a shell makes its input.
    private func shell(_ address: String, _ before: String, _ input: String) throws -> CommandRun {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.currentDirectoryURL = URL(fileURLWithPath: sandbox.path)
        process.arguments = [
            "-c",
            "\(before) \(Sandbox.executable) append --server \(address) --create --workspace demo "
                + "--pipeline fraud --json \(input) >out 2>err",
        ]
        try process.run()
        process.waitUntilExit()
        return CommandRun(
            status: process.terminationStatus, output: try sandbox.read("out"),
            errors: try sandbox.read("err"))
    }

    // It was asked whether the input is standard input, where whether it can be gone back to was meant.
    @Test("standard input that is a file is one like any other, and a FIFO is taken again as a pipe is")
    func inputByKind() throws {
        try sandbox.write(Sample.lines(0..<2), to: "1")
        try sandbox.write(Sample.lines(0..<4), to: "2")
        try sandbox.serving { address in
            #expect(try shell(address, "", "- <1").output.contains(#""records":2,"#))
            let refused = try shell(address, "", "- <2")
            #expect(refused.status == 1 && refused.errors.contains("--resume sends these"), "\(refused)")
            #expect(try sandbox.run("export", "--pipeline", "fraud").lines.count == 2)
            #expect(try shell(address, "", "--resume - <2").output.contains(#""records":2,"#))

            for (name, count) in [("1", 2), ("2", 2), ("2", 0)] {
                let run = try shell(
                    address, "rm -f fifo; mkfifo fifo; cat \(name) >fifo &", "--partition b fifo")
                #expect(run.output.contains(#""records":\#(count),"#), "\(run.output) \(run.errors)")
            }
        }
    }

    @Test("standard input that differs is told that it cannot be read once more, and what is stored of it")
    func standardInput() throws {
        let common = Sample.lines(0..<10_000)
        try sandbox.write(common + Sample.lines(20_000..<20_010), to: "1")
        try sandbox.write(common + Sample.lines(30_000..<30_010), to: "2")
        try sandbox.write(common + Sample.lines(20_000..<20_011), to: "grown")
        try sandbox.serving { address in
            // What has no size, so that it cannot be read twice.
            func pipe(_ name: String) throws -> CommandRun { try shell(address, "cat \(name) |", "-") }
            #expect(try pipe("1").output.contains(#""records":10010,"#))
            let other = try pipe("2")
            #expect(other.status == 1)
            #expect(other.errors.contains("nothing of it is stored"), "\(other.errors)")
            #expect(try pipe("grown").output.contains(#""records":1,"#))
            #expect(try sandbox.run("export", "--pipeline", "fraud").lines.count == 10_011)
        }
    }

    @Test("an Arrow stream that has grown is stored from where it had ended, and one that differs as another")
    func grownArrow() throws {
        // Batches of several logs in one stream: a schema, which is a message without a body, then batches.
        let end = Data([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
        var parts: [Data] = []
        for number in 0..<3 {
            try sandbox.write(Sample.lines(number * 100..<number * 100 + 50), to: "part")
            let name = "part-\(number)"
            #expect(
                try sandbox.run("append", "--data", name, "--create", "--pipeline", "p", "part").status == 0)
            #expect(
                try sandbox.run("export", "--data", name, "--pipeline", "p", "--arrow", "-o", "file").status
                    == 0)
            // A file is a stream behind eight bytes, and what finds its batches.
            let file = try Data(contentsOf: URL(fileURLWithPath: sandbox.file("file")))
            let ended = try #require(file.range(of: end, options: .backwards))
            parts.append(Data(file[8..<ended.lowerBound]))
        }
        func stream(_ numbers: [Int]) -> Data {
            var whole = Data()
            for (position, part) in numbers.map({ parts[$0] }).enumerated() {
                let schemaEnd = 8 + part[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
                whole += part[(position == 0 ? 0 : schemaEnd)...]
            }
            return whole + end
        }
        try sandbox.serving { address in
            for (numbers, flag, count) in [
                ([0], "--resume", 50), ([0, 1], "--resume", 50), ([0, 1], "--resume", 0),
                ([0, 1, 2], "--resume", 50), ([0, 2], "--json", 100), ([0, 2], "--json", 0),
                ([0, 1, 2], "--json", 0),
            ] {
                try stream(numbers).write(to: URL(fileURLWithPath: sandbox.file("a.arrow")))
                let run = try send(address, flag, "a.arrow")
                #expect(
                    run.output.contains(#""records":\#(count),"#), "\(numbers): \(run.output) \(run.errors)")
            }
            #expect(try sandbox.run("export", "--pipeline", "fraud").lines.count == 250)
        }
    }

    @Test("a server that cannot listen says where, why and what to do")
    func listening() throws {
        try sandbox.serving { address in
            let port = try #require(address.split(separator: ":").last)
            let taken = try sandbox.run("serve", "--data", "other", "--port", "\(port)")
            #expect(taken.status == 1)
            #expect(
                taken.errors.contains("cannot listen at 127.0.0.1:\(port): another process does")
                    && taken.errors.contains("give another --port"), "\(taken.errors)")
        }
        for (host, reason) in [("192.0.2.1", "no such address"), ("nowhere.invalid", "no known name")] {
            let run = try sandbox.run("serve", "--data", "other", "--host", host, "--port", "0")
            #expect(run.status == 1)
            #expect(
                run.errors.contains("listen at \(host):0") && run.errors.contains(reason), "\(run.errors)")
        }
    }

    @Test(
        "a port or public URL that is none is refused by who named it, and an option comes before the environment"
    )
    func portOfEnvironment() throws {
        let cases: [(arguments: [String], variables: [String: String], problem: String)] = [
            ([], ["ASSAYLOG_PORT": "abc"], "ASSAYLOG_PORT must be 0 to 65535, not \"abc\""),
            ([], ["ASSAYLOG_PORT": "-1"], "ASSAYLOG_PORT must be 0 to 65535, not \"-1\""),
            ([], ["ASSAYLOG_PORT": "70000"], "ASSAYLOG_PORT must be"),
            (["--port", "70000"], ["ASSAYLOG_PORT": "abc"], "--port must be 0 to 65535, not 70000"),
            (["--port", "0", "--public-url", "not a url"], [:], "--public-url is \"not a url\""),
            (
                ["--port", "0"], ["ASSAYLOG_PUBLIC_URL": "example.com"],
                "ASSAYLOG_PUBLIC_URL is \"example.com\""
            ),
        ]
        for (arguments, variables, problem) in cases {
            let process = try sandbox.process(
                ["serve"] + arguments, output: "out", errors: "err", variables: variables)
            // It would serve for ever where it is not refused.
            let guardian = DispatchWorkItem { process.terminate() }
            DispatchQueue.global().asyncAfter(deadline: .now() + 30, execute: guardian)
            process.waitUntilExit()
            guardian.cancel()
            #expect(process.terminationStatus == 2)
            let said = try sandbox.read("err")
            #expect(said.contains(problem), "\(said)")
        }
    }

    // Without --workspace nothing was made, and no remedy named.
    @Test("through a server, too, --create makes what there is none of; in several workspaces it asks which")
    func createsThroughServer() throws {
        try sandbox.write(Sample.lines(0..<3), to: "a.ndjson")
        try sandbox.serving { address in
            func append(_ arguments: String...) throws -> CommandRun {
                try sandbox.run(["append", "--server", address] + arguments + ["a.ndjson"])
            }
            let missing = try append("--pipeline", "fraud")
            #expect(missing.status == 1 && missing.errors.contains("add --create"), "\(missing.errors)")
            for name in ["fraud", "second"] {
                let made = try append("--create", "--pipeline", name, "--json")
                #expect(made.status == 0 && made.output.contains("-1-pipeline-\(name)-"), "\(made)")
            }
            #expect(
                try append("--create", "--workspace", "other", "--pipeline", "fraud", "--json").status == 0)
            let unknown = try append("--create", "--pipeline", "third")
            #expect(
                unknown.status == 1
                    && unknown.errors.contains("add --workspace with one of default, other, or a new name"),
                "\(unknown.errors)")
            let ambiguous = try append("--create", "--pipeline", "fraud")
            #expect(
                ambiguous.status == 1
                    && ambiguous.errors.contains("add --workspace with one of default, other"),
                "\(ambiguous.errors)")
            #expect(try append("--pipeline", "second").status == 0)
        }
    }

    // A workspace's number was a new workspace's name through a server, and the number of one in a directory.
    @Test("a directory and a server choose the pipeline alike", arguments: [false, true])
    func chooses(throughServer: Bool) throws {
        try sandbox.write(Sample.lines(0..<1), to: "a.ndjson")
        func choose(_ options: [String]) throws {
            func append(_ arguments: String...) throws -> CommandRun {
                try sandbox.run(["append", "--json", "--again"] + options + arguments + ["a.ndjson"])
            }
            func expect(_ run: CommandRun, chose topic: String, _ place: SourceLocation = #_sourceLocation) {
                #expect(
                    run.status == 0 && run.output.contains("\"workspace-\(topic)-inference\""), "\(run)",
                    sourceLocation: place)
            }
            func expect(
                _ run: CommandRun, refused problem: String, _ place: SourceLocation = #_sourceLocation
            ) {
                #expect(run.status == 1 && run.errors.contains(problem), "\(run)", sourceLocation: place)
            }
            expect(
                try append("--create", "--workspace", "2", "--pipeline", "fraud"), chose: "1-pipeline-fraud")
            expect(
                try append("--create", "--workspace", "other", "--pipeline", "fraud"),
                chose: "2-pipeline-fraud")
            // By its number, with --create and without; but what is called "2" comes before the second.
            expect(try append("--create", "--workspace", "1", "--pipeline", "new"), chose: "1-pipeline-new")
            for name in ["1", "2"] {
                expect(try append("--workspace", name, "--pipeline", "fraud"), chose: "1-pipeline-fraud")
            }
            expect(try append("--create", "--pipeline", "new"), chose: "1-pipeline-new")
            expect(
                try append("--create", "--pipeline", "fraud"),
                refused: "\"fraud\", which several workspaces have; add --workspace with one of 2, other")
            expect(
                try append("--create", "--pipeline", "y"),
                refused: "add --workspace with one of 2, other, or a new name")
            let missing = try append("--workspace", "4", "--pipeline", "x")
            expect(missing, refused: "--workspace is \"4\", and there is no such workspace; ")
            #expect(missing.errors.contains("add --create to make it"))
            let elsewhere = try append("--workspace", "other", "--pipeline", "new")
            expect(
                elsewhere,
                refused: "--pipeline is \"new\", and there is no such pipeline in workspace \"other\"; ")
            #expect(elsewhere.errors.contains("add --create to make it"))
        }
        guard throughServer else { return try choose([]) }
        try sandbox.serving { try choose(["--server", $0]) }
    }

    @Test("a server that is not there is named")
    func noServer() throws {
        try sandbox.write(Sample.lines(0..<1), to: "a")
        let run = try sandbox.run("append", "--server", "http://127.0.0.1:1", "--pipeline", "p", "a")
        #expect(run.status == 1 && run.errors.contains("127.0.0.1:1 is not reached"))
        #expect(
            try sandbox.run("append", "--server", "https://x", "--pipeline", "p", "a").errors.contains("TLS"))
    }
}
