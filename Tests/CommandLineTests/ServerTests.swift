// Commands beside a running server: reading its directory, appending through it.

import Foundation
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

    @Test("a server that is not there is named")
    func noServer() throws {
        try sandbox.write(Sample.lines(0..<1), to: "a")
        let run = try sandbox.run("append", "--server", "http://127.0.0.1:1", "--pipeline", "p", "a")
        #expect(run.status == 1 && run.errors.contains("127.0.0.1:1 is not reached"))
        #expect(
            try sandbox.run("append", "--server", "https://x", "--pipeline", "p", "a").errors.contains("TLS"))
    }
}
