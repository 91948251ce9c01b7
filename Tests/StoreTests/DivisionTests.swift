// Invariant checked: an answer is of the records, however they were divided into appends, and before and after
// their blocks are put together. Columns fall silent, begin late, and change their kind on the way.

import Assays
import JSON
import Records
import Simulation
import StoreSupport
import TestSupport
import Testing
import Wire

@testable import Store

@Suite("Records divided in any way")
struct DivisionTests {
    /// Ten minutes of a record a second, as they are posted. The baselines of the requests are of minutes 0 to
    /// 3, their windows of minutes 6 to 10.
    private static func lines(_ random: inout SeededGenerator) -> [String] {
        func number() -> String { "\(Double.random(in: 0...1, using: &random))" }
        return (0..<600).map { second in
            let minute = second / 60
            var fields = [
                // Always there.
                "\"a\":\(number())",
                // Falls silent after minute 3, after the baselines; has numbers in between alone; never has one.
                "\"silent\":\(minute < 3 ? number() : "null")",
                "\"between\":\((4..<5).contains(minute) ? number() : "null")",
                "\"never\":null",
                // A list whose length changes, whose third element is of the baseline alone.
                "\"list\":\(minute < 2 ? "[\(number()),\(number()),\(number())]" : "[\(number()),1]")",
                // A text in some rows, a list in others.
                "\"mixed\":\(second % 7 == 0 ? "\"x\"" : number())",
                "\"turns\":\(minute < 5 ? number() : "[\(number()),\"x\"]")",
                "\"word\":\(minute < 5 ? "\"w\"" : "null")",
            ]
            if minute >= 6 { fields.append("\"late\":\(number())") }
            if minute < 1 { fields.append("\"early\":\(number())") }
            if minute == 4 { fields.append("\"gap\":\(number()),\"gapword\":\"x\"") }
            return
                "{\"time\":\(moment(Double(second)).milliseconds),\"in\":{\(fields.joined(separator: ","))}}"
        }
    }

    /// Where appends begin.
    private static func divisions(_ random: inout SeededGenerator) -> [[Int]] {
        [[0], [0, 180, 240, 300, 360], [0, 200, 250, 330, 400]]
            + (0..<3).map { _ in
                [0] + Set((0..<12).map { _ in Int.random(in: 1..<600, using: &random) }).sorted()
            }
    }

    private static let paths = [
        "a", "silent", "between", "never", "list 0", "list 1", "list 2", "list 3", "list", "mixed", "turns",
        "turns 0", "turns 1", "word", "late", "early", "gap", "gapword", "nowhere",
    ].map { "input " + $0 }

    private static func fixed(_ path: String) -> String {
        """
        {"calculated":{"fixed_window":{"pipeline_name":"fraud","path":"\(path)","start":"2024-01-09T19:00:00Z",\
        "width":"3 minutes"}}}
        """
    }
    private static func sliding(_ path: String) -> String {
        """
        {"calculated":{"sliding_window":{"window":{"pipeline_name":"fraud","path":"\(path)",\
        "width":"2 minutes"},"offset":"2 minutes"}}}
        """
    }

    private static func text(_ outcome: AssayOutcome) -> String {
        "\(outcome.window.start.zuluText) \(outcome.digest) \(outcome.status) \(outcome.absence ?? "")"
    }

    /// All that is asked, by what was asked.
    private static func answers(_ view: StoreView) async throws -> [String: String] {
        var answers: [String: String] = [:]
        let start = "\"2024-01-09T19:06:00Z\""
        let vector: (String) -> String = { _ in Scene.vector }
        for (kind, baseline) in [("vector", vector), ("fixed", Self.fixed), ("sliding", Self.sliding)] {
            for path in Self.paths {
                let request = try Scene.request(baseline: baseline(path), start: start, path: path)
                let asked = "\(kind) \(path)"
                do {
                    answers[asked] = "\(try view.runInteractive(request).map { Self.text($0.outcome) })"
                } catch {
                    answers[asked] = "\(error)"
                }
            }
        }
        for baseline in [Self.fixed, Self.sliding] {
            let request = try Scene.request(baseline: baseline("input a"), start: start, path: "input a")
            let selections =
                [PathSelection.all] + (try Self.paths.map { .named([try IOPath(parsing: $0)]) })
            for selection in selections {
                let asked = "\(baseline("")) \(selection)"
                do {
                    var lines = ""
                    let run = try PathsRun(request, selection, view)
                    let ranking = try await run.run {
                        "\($0.finding) \($0.results.map { Self.text($0.outcome) })\n"
                    } handOn: {
                        lines += $0
                    }
                    answers[asked] = lines + "\(ranking.json)"
                } catch {
                    answers[asked] = "\(error)"
                }
            }
        }
        return answers
    }

    @Test("the same records give the same answers", arguments: [1, 2] as [UInt64])
    func sameAnswers(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let lines = Self.lines(&random)
        var expected: [String: String]?
        func compare(_ scene: Scene, _ comment: Comment) async throws {
            let answers = try await Self.answers(scene.store.view)
            guard let expected else {
                expected = answers
                return
            }
            for (asked, answer) in expected where answers[asked] != answer {
                Issue.record("seed \(seed), \(comment), \(asked): \(answers[asked] ?? "-") is not \(answer)")
            }
        }
        for starts in Self.divisions(&random) {
            let scene = try await Scene(ManualClock(moment(600)))
            for (start, end) in zip(starts, starts.dropFirst() + [lines.count]) {
                let text = lines[start..<end].joined(separator: "\n")
                let batch = try RecordParser.parse(Array(text.utf8), as: .lines).batch
                _ = try await scene.store.append(
                    batch, topic: scene.pipeline.topic.name, partition: "engine")
            }
            try await compare(scene, "appended at \(starts)")
            // Opened anew the log's segments are sealed, and may be made anew.
            let again = try await scene.restarted()
            #expect(try await again.store.compact().problems == [])
            try await compare(again, "appended at \(starts) and put together")
            try await again.store.close()
        }
        let found = try #require(expected)
        // What is silent is said to be so, and what nobody ever had is refused.
        #expect(found["fixed input silent"]?.contains("noData") == true)
        #expect(found["vector input gap"]?.contains("noData") == true)
        #expect(found["fixed input never"]?.contains("no record of pipeline") == true)
        let all = try #require(found["\(Self.fixed("")) all"])
        for path in ["silent", "early", "late", "list 2", "mixed", "turns", "turns 0"] {
            #expect(all.contains("\"input \(path)\""), "\(path)")
        }
        for path in ["never", "between", "gap", "word", "turns 1", "list 3"] {
            #expect(!all.contains("\"input \(path)\""), "\(path)")
        }
    }
}
