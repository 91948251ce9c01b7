// The commands that let go and copy: on a directory, and through a server; what they say and how they end.

import Foundation
import Testing

@Suite struct HousekeepingCommandTests {
    let sandbox: Sandbox
    static let topic = "workspace-1-pipeline-fraud-inference"

    init() throws {
        sandbox = try Sandbox()
        try sandbox.write(Sample.lines(0..<3000), to: "a.ndjson")
        let run = try sandbox.run(
            "append", "--create", "--workspace", "demo", "--pipeline", "fraud", "a.ndjson")
        #expect(run.status == 0, "\(run.errors)")
    }

    private func exported(_ data: String = "assaylog-data") throws -> String {
        try sandbox.run("export", "--data", data, "--pipeline", "fraud").output
    }

    /// Whether a file of the data directory holds `text` as it is.
    private func isStored(_ text: String, in data: String = "assaylog-data") throws -> Bool {
        try FileManager.default.subpathsOfDirectory(atPath: sandbox.file(data)).contains { name in
            FileManager.default.contents(atPath: sandbox.file(data) + "/" + name)?.range(of: Data(text.utf8))
                != nil
        }
    }

    @Test(
        "compact says that nothing is let go while a part of the log is not seen, and leaves that part alone")
    func compactUnseen() throws {
        let other = ["append", "--create", "--workspace", "demo", "--pipeline", "other", "a.ndjson"]
        #expect(try sandbox.run(other).status == 0)
        let segment = sandbox.file("assaylog-data/segment-0000000000000001")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: segment))
        for isGone in [false, true] {
            if isGone {
                try FileManager.default.removeItem(atPath: segment)
            } else {
                try Data(bytes.enumerated().map { $0.offset == 9 ? $0.element ^ 1 : $0.element })
                    .write(to: URL(fileURLWithPath: segment))
            }
            let run = try sandbox.run("compact")
            #expect(run.status == 1, "\(run.errors)")
            for part in ["nothing is let go", "segment-0000000000000001 at byte 0", "--without-unseen"] {
                #expect(run.errors.contains(part), "\(run.errors)")
            }
            #expect(!run.errors.contains("half dead"), "\(run.errors)")
        }
    }

    // They spoke of the API's fields: field "field" names …
    @Test("a refusal is of the option that was given, with a server and without one")
    func optionNames() throws {
        func refusals(_ place: [String]) throws {
            let redacted = try sandbox.run(
                ["redact", "--topic", Self.topic, "--field", "in.zz", "--yes"] + place)
            #expect(redacted.status == 1)
            #expect(
                redacted.errors.contains("--field names \"in.zz\", which no record of the topic has"),
                "\(redacted.errors)")
            let retained = try sandbox.run(["retain", "--topic", Self.topic, "--bytes", "0"] + place)
            #expect(
                retained.status == 1 && retained.errors.contains("--bytes must be over 0"),
                "\(retained.errors)")
            for errors in [redacted.errors, retained.errors] { #expect(!errors.contains("field \"")) }
        }
        try refusals([])
        try sandbox.serving { try refusals(["--server", $0]) }
    }

    @Test("redact lets a field go, says of how many records, and leaves the rest as it was")
    func redact() throws {
        let unsure = try sandbox.run("redact", "--topic", Self.topic, "--field", "out.y")
        #expect(unsure.status != 0 && unsure.errors.contains("add --yes"))
        #expect(try isStored("out.y"))
        let run = try sandbox.run("redact", "--topic", Self.topic, "--field", "out.y", "--yes")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("out.y is gone from \(Self.topic): it was in blocks of 3,000 records, "))
        let rest = try exported()
        #expect(rest.split(separator: "\n").count == 3000 && !rest.contains("out.y"))
        #expect(
            rest.hasPrefix(#"{"time":1704758400000,"in.x":[0,0.5],"metadata.last_model""#),
            "\(rest.prefix(99))")
        let again = try sandbox.run("redact", "--topic", Self.topic, "--field", "out.y", "--yes", "--json")
        #expect(again.status == 0 && again.output.contains(#""records":0"#))
        let told = try sandbox.run("redact", "--topic", Self.topic, "--field", "out.y", "--yes")
        #expect(
            told.output.hasPrefix("no record of \(Self.topic) that can be read has out.y any more; "),
            "\(told)")
        #expect(try sandbox.run("check").status == 0)
        // Its events stand behind its records now, of commits before theirs.
        let inspected = try sandbox.run("inspect", "--json")
        #expect(inspected.status == 0, "\(inspected.errors)")
    }

    @Test("delete lets a topic go; one that is unknown and a directory without data are refused")
    func delete() throws {
        #expect(try sandbox.run("delete", "--topic", Self.topic).errors.contains("add --yes"))
        let unknown = try sandbox.run("delete", "--topic", "nobody", "--yes")
        #expect(unknown.status == 1 && unknown.errors.contains("there is no topic \"nobody\""))
        let nowhere = try sandbox.run("delete", "--data", "nowhere", "--topic", "x", "--yes")
        #expect(nowhere.status == 1 && nowhere.errors.contains("holds no assaylog data"))
        let cut = sandbox.file("cut")
        try FileManager.default.createDirectory(atPath: cut, withIntermediateDirectories: false)
        try Data([1]).write(to: URL(fileURLWithPath: cut + "/segment-0000000000000001"))
        for command in ["check", "inspect", "compact"] {
            let refused = try sandbox.run(command, "--data", cut)
            #expect(refused.status == 1, "\(command)")
            #expect(refused.errors.contains("has segments but no MANIFEST"), "\(refused.errors)")
        }
        #expect(try sandbox.run("inspect", "--json").output.contains(Self.topic))
        let run = try sandbox.run("delete", "--topic", Self.topic, "--yes")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("3,000 records of \(Self.topic) went"))
        #expect(try exported() == "")
        #expect(try !isStored("out.y"))
        #expect(try !sandbox.run("inspect", "--json").output.contains(Self.topic))
        #expect(try sandbox.run("check").status == 0)
        // It was said to be in the log already.
        for flag in ["--json", "--resume"] {
            let again = try sandbox.run("append", "--pipeline", "fraud", flag, "a.ndjson")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try exported() == Sample.lines(0..<3000))
        }
        #expect(try sandbox.run("append", "--pipeline", "fraud", "a.ndjson").errors.contains("already"))
    }

    @Test("retain sets what a topic keeps and carries it out; compact frees the space and changes no answer")
    func retainAndCompact() throws {
        let everything = try exported()
        let keeps = try sandbox.run("retain", "--topic", Self.topic, "--bytes", "10000000")
        #expect(keeps.status == 0 && keeps.output.contains("keeps at most 10000000 bytes"), "\(keeps.errors)")
        #expect(try exported() == everything)
        let compacted = try sandbox.run("compact")
        #expect(compacted.status == 0 && compacted.output.contains("made anew as"), "\(compacted.errors)")
        #expect(try exported() == everything)
        #expect(try sandbox.run("retain", "--topic", Self.topic, "--age", "soon").errors.contains("--age"))
        // All records are of 2024.
        let old = try sandbox.run("retain", "--topic", Self.topic, "--age", "90 days")
        #expect(old.status == 0 && old.output.contains("keeps what is younger than 90 days"))
        #expect(old.output.contains("retention let 3000 records of \(Self.topic) go"), "\(old.output)")
        #expect(try exported() == "")
        // Not the next address, which is 3000 still.
        #expect(
            try sandbox.run("inspect", "--json").output.contains(#""partitions":{"import":0},"records":0"#))
        #expect(try sandbox.run("inspect").lines.contains { $0.split(separator: " ") == ["import", "0"] })
        #expect(try sandbox.run("compact", "--json").output.contains(#""half dead":"#))
        #expect(try !isStored("out.y"))
        // What compaction lets go is said, too: old records that came since.
        let rounds: [(count: Int, options: [String])] = [(5, []), (3, ["--json"])]
        for (count, options) in rounds {
            try sandbox.write(Sample.lines(5000..<5000 + count), to: "more.ndjson")
            #expect(try sandbox.run("append", "--pipeline", "fraud", "--again", "more.ndjson").status == 0)
            let told = try sandbox.run(["compact"] + options).output
            let expected =
                options.isEmpty
                ? "retention let \(count) records of \(Self.topic) go"
                : #""records_let_go":{"\#(Self.topic)":\#(count)}"#
            #expect(told.contains(expected), "\(told)")
        }
        #expect(try exported() == "")
        let all = try sandbox.run("retain", "--topic", Self.topic, "--age", "none", "--bytes", "none")
        #expect(all.output.contains("keeps everything"))
        #expect(try sandbox.run("check").status == 0)
    }

    @Test("commands without a server keep room for what frees room, as a server does")
    func reserve() throws {
        func found() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: sandbox.file("assaylog-data/RESERVE"))[.size]
                as? Int
        }
        #expect(try found() == 2 << 20, "an import is what fills a disk")
        for command in [
            ["compact"], ["retain", "--topic", Self.topic, "--bytes", "10000000"],
            ["redact", "--topic", Self.topic, "--field", "out.y", "--yes"],
            ["delete", "--topic", Self.topic, "--yes"],
        ] {
            try FileManager.default.removeItem(atPath: sandbox.file("assaylog-data/RESERVE"))
            let run = try sandbox.run(command)
            #expect(run.status == 0, "\(run.errors)")
            #expect(try found() == 2 << 20, "\(command)")
        }
    }

    // Either bound had removed the other, but through a server.
    @Test(
        "a bound that is not named stays, in a directory as through a server, and what is said has one shape")
    func boundsThatAreNotNamed() throws {
        func retain(_ arguments: [String]) throws -> String {
            let run = try sandbox.run(["retain", "--topic", Self.topic, "--json"] + arguments)
            #expect(run.status == 0, "\(run.errors)")
            return run.output
        }
        func expected(_ age: String, _ bytes: String, letGo: String) -> String {
            #"{"topic":"\#(Self.topic)","age":\#(age),"bytes":\#(bytes),"records_let_go":\#(letGo),"problems":[]}"#
                + "\n"
        }
        func check(_ place: [String], letGo: String) throws {
            _ = try retain(place + ["--age", "none", "--bytes", "none"])
            #expect(
                try retain(place + ["--bytes", "10000000"]) == expected("null", "10000000", letGo: letGo))
            let both = expected(#""36500 days""#, "10000000", letGo: letGo)
            #expect(try retain(place + ["--age", "36500 days"]) == both)
            #expect(
                try retain(place + ["--bytes", "none"]) == expected(#""36500 days""#, "null", letGo: letGo))
        }
        try check([], letGo: "{}")
        try sandbox.serving { address in try check(["--server", address], letGo: "null") }
        let neither = try sandbox.run("retain", "--topic", Self.topic)
        #expect(neither.status == 2 && neither.errors.contains("none to remove it"), "\(neither.errors)")
        #expect(
            try sandbox.run("retain", "--topic", Self.topic, "--bytes", "many").errors.contains("--bytes"))
    }

    @Test("a snapshot that lacks a file is refused by the file's name, what it held and what to do")
    func incompleteSnapshot() throws {
        try sandbox.appendRecords(300)
        #expect(try sandbox.run("snapshot", "--to", "backup").status == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: sandbox.file("backup"))
        where name != "SNAPSHOT" {
            let (here, away) = (sandbox.file("backup/" + name), sandbox.file("away"))
            try FileManager.default.moveItem(atPath: here, toPath: away)
            let run = try sandbox.run("restore", "--from", "backup", "--data", "again")
            #expect(run.status == 1)
            let held = name == "MANIFEST" ? "which segments" : "bytes of the log's records"
            #expect(
                run.errors.contains("\(name) of the snapshot is missing; it held ")
                    && run.errors.contains(held) && run.errors.contains("another snapshot"), "\(run.errors)")
            try FileManager.default.moveItem(atPath: away, toPath: here)
        }
        #expect(try sandbox.run("restore", "--from", "backup", "--data", "again").status == 0)
    }

    @Test("a snapshot restores to what was exported; what is no snapshot, cut, or not empty is refused")
    func snapshotAndRestore() throws {
        let everything = try exported()
        let taken = try sandbox.run("snapshot", "--to", "backup")
        #expect(
            taken.status == 0 && taken.output.contains("backup holds the log up to commit "),
            "\(taken.errors)")
        #expect(try exported("backup") == everything, "a snapshot is a data directory itself")
        #expect(try sandbox.run("snapshot", "--to", "backup").errors.contains("is not empty"))
        #expect(
            try sandbox.run("snapshot", "--data", "nowhere", "--to", "b").errors.contains("no assaylog data"))
        let restored = try sandbox.run("restore", "--from", "backup", "--data", "again", "--json")
        #expect(restored.status == 0 && restored.output.contains(#""damages":[]"#), "\(restored.errors)")
        #expect(try exported("again") == everything)
        #expect(try sandbox.run("check", "--data", "again").status == 0)
        #expect(
            try sandbox.run("restore", "--from", "backup", "--data", "again").errors.contains("is not empty"))
        // As if it had been cut off before its last file, or before its last two.
        try FileManager.default.removeItem(atPath: sandbox.file("backup/SNAPSHOT"))
        let cut = try sandbox.run("restore", "--from", "backup", "--data", "third")
        #expect(cut.status == 1 && cut.errors.contains("there is no whole snapshot"))
        try FileManager.default.removeItem(atPath: sandbox.file("backup/MANIFEST"))
        let unnamed = try sandbox.run("export", "--data", "backup", "--pipeline", "fraud")
        #expect(unnamed.status == 1 && unnamed.errors.contains("has segments but no MANIFEST"))
        #expect(!FileManager.default.fileExists(atPath: sandbox.file("third")))
    }
}
