// Summaries and scores against cases that a real service recorded, and cases derived from them.
//
// The cases are not part of this repository. The environment names the folder that holds them; where
// it does not, this test is skipped and the others stand alone. A case is input, settings, expected
// numbers and a tolerance; `unverified` marks rules that no recording covers, and such cases are
// counted apart, so that nobody takes them for evidence.
//
// Foundation is used here, for JSON and files, and nowhere else in this room.

import Foundation
import Summaries
import TestSupport
import Testing

@Suite(
    "Corpus",
    .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"))
struct CorpusTests {
    private static let files = [
        "recorded_summaries", "recorded_scores", "recorded_combine", "derived_summarize",
        "derived_score", "derived_status", "derived_v2_quantile_edges",
    ]

    @Test("every case of the corpus holds at its tolerance", arguments: files)
    func casesHold(file: String) throws {
        let folder = URL(fileURLWithPath: try #require(Corpus.folder))
        let data = try Data(
            contentsOf: folder.appendingPathComponent("corpus/\(file).json"))
        let document = try #require(
            JSONSerialization.jsonObject(with: data) as? [String: Any])
        var tallies: [String: CorpusTally] = [:]
        for json in try #require(document["cases"] as? [[String: Any]]) {
            let oneCase = try CorpusCase(json, dataFolder: folder.appendingPathComponent("data"))
            var comparison = CorpusComparison(
                relative: oneCase.relativeTolerance, absolute: oneCase.absoluteTolerance)
            try oneCase.check(&comparison)
            #expect(comparison.count > 0, "\(oneCase.name) compared nothing")
            #expect(comparison.faults.isEmpty, "\(oneCase.name): \(comparison.faults.prefix(3))")
            let isUnverified = json["unverified"] != nil
            tallies[isUnverified ? "unverified" : "verified", default: CorpusTally()]
                .add(comparison)
        }
        for json in document["errors"] as? [[String: Any]] ?? [] {
            let oneCase = try CorpusCase(json, dataFolder: folder)
            var comparison = CorpusComparison(relative: 0, absolute: 0)
            #expect(throws: SummaryError.self, "\(oneCase.name) must be refused") {
                try oneCase.check(&comparison)
            }
            tallies["refused", default: CorpusTally()].add(comparison)
        }
        for (group, tally) in tallies.sorted(by: { $0.key < $1.key }) {
            print("corpus \(file) \(group): \(tally)")
        }
    }
}

/// A JSON number as the double nearest to its digits; nil for null.
///
/// By way of the digits, because Foundation reads them as a decimal number, and that one's
/// `doubleValue` is off in the last bits.
private func double(_ json: Any?) -> Double? {
    (json as? NSNumber).flatMap { Double($0.description) }
}

/// What the cases of one group came to.
private struct CorpusTally: CustomStringConvertible {
    private var passed = 0
    private var cases = 0
    private var numbers = 0
    private var bitwise = 0

    mutating func add(_ comparison: CorpusComparison) {
        cases += 1
        passed += comparison.faults.isEmpty ? 1 : 0
        numbers += comparison.count
        bitwise += comparison.bitwiseCount
    }

    var description: String {
        "\(passed) of \(cases) cases, \(numbers) values compared, \(bitwise) of them equal bit by bit"
    }
}

/// Compares expected with found values, number by number, and remembers what differed.
private struct CorpusComparison {
    private let relative: Double
    private let absolute: Double
    private(set) var count = 0
    private(set) var bitwiseCount = 0
    private(set) var faults: [String] = []

    init(relative: Double, absolute: Double) {
        self.relative = relative
        self.absolute = absolute
    }

    mutating func number(_ name: String, _ expected: Any?, _ found: Double?) {
        guard let expected else { return }
        count += 1
        switch (double(expected), found) {
        case (nil, nil): bitwiseCount += 1
        case (let expected?, let found?):
            let distance = (found - expected).magnitude
            bitwiseCount += found == expected ? 1 : 0
            if distance > absolute && distance > relative * expected.magnitude {
                faults.append("\(name) is \(found), expected \(expected)")
            }
        case (let expected, let found):
            faults.append(
                "\(name) is \(String(describing: found)), expected \(String(describing: expected))")
        }
    }

    mutating func numbers(_ name: String, _ expected: Any?, _ found: [Double?]) {
        guard let expected = expected as? [Any] else { return }
        guard expected.count == found.count else {
            faults.append("\(name) has \(found.count) values, expected \(expected.count)")
            return
        }
        for (position, value) in found.enumerated() {
            number("\(name)[\(position)]", expected[position], value)
        }
    }

    mutating func text<Value: Equatable>(_ name: String, _ expected: Value?, _ found: Value?) {
        guard let expected else { return }
        count += 1
        bitwiseCount += 1
        if expected != found {
            faults.append("\(name) is \(String(describing: found)), expected \(expected)")
        }
    }

    mutating func summary(_ expected: [String: Any], _ found: Summary) {
        text("count", expected["count"] as? Int, found.count)
        number("min", expected["min"], found.min)
        number("max", expected["max"], found.max)
        number("mean", expected["mean"], found.mean)
        number("median", expected["median"], found.median)
        number("std", expected["std"], found.standardDeviation)
        // The wire closes the edges with a null, for the open right one.
        numbers("edges", expected["edges"], found.edges.isEmpty ? [] : found.edges + [nil])
        text("edge_names", expected["edge_names"] as? [String], found.edgeNames)
        numbers("aggregated_values", expected["aggregated_values"], found.aggregatedValues)
        text("aggregation", expected["aggregation"] as? String, found.aggregation.rawValue)
    }

    mutating func score(_ expected: [String: Any], _ found: DriftScore) {
        number("score", expected["score"], found.score)
        numbers("scores", expected["scores"], found.scores)
        if expected["bin_index"] != nil {
            text("bin_index", .some(expected["bin_index"] as? Int), .some(found.binIndex))
        }
    }
}

/// One case, read, and how to run it.
private struct CorpusCase {
    let name: String
    let relativeTolerance: Double
    let absoluteTolerance: Double
    private let kind: String
    private let input: [String: Any]
    private let configuration: [String: Any]
    private let expected: [String: Any]
    private let dataFolder: URL

    init(_ json: [String: Any], dataFolder: URL) throws {
        name = try #require(json["id"] as? String)
        kind = try #require(json["kind"] as? String)
        input = try #require(json["input"] as? [String: Any])
        configuration = json["config"] as? [String: Any] ?? [:]
        expected = json["expected"] as? [String: Any] ?? [:]
        relativeTolerance = double(json["rel_tolerance"]) ?? 1e-12
        absoluteTolerance = double(json["abs_tolerance"]) ?? 0
        self.dataFolder = dataFolder
    }

    func check(_ comparison: inout CorpusComparison) throws {
        switch kind {
        case "summarize": try checkSummary(&comparison)
        case "score": try checkScore(&comparison)
        case "combine":
            let metric = try #require(DriftMetric(rawValue: configuration["metric"] as? String ?? ""))
            let terms = try doubles(input["scores"]).compactMap { $0 }
            comparison.score(expected, DriftScore(combining: terms, metric))
        case "status":
            let status = DriftStatus.of(
                score: double(input["score"]), alertThreshold: double(input["alert"]),
                warningThreshold: double(input["warning"]))
            comparison.text("status", expected["status"] as? String, status?.rawValue)
        case "v2_quantile_edges":
            let count = try #require(configuration["num_bins"] as? Int)
            let bins = try SeriesBins(.quantile(count), of: sample(input))
            comparison.numbers("edges", expected["edges"], bins.edges + [nil])
        default: Issue.record("\(name) is of an unknown kind, \(kind)")
        }
    }

    private func checkSummary(_ comparison: inout CorpusComparison) throws {
        let settings = try settings()
        let sample = try sample(input)
        if let edges = input["edges"] {
            // A window on edges that are given: any baseline that has them will do.
            let finite = try doubles(edges).compactMap { $0 }
            let baseline = try Summary(
                count: 0, moments: Moments(of: SortedSample([])),
                edges: finite, edgeNames: Array(repeating: "", count: finite.count + 1),
                aggregatedValues: Array(repeating: 0, count: finite.count + 1),
                aggregation: settings.aggregation)
            comparison.summary(
                expected, Summarizer(settings).windows(on: baseline).summary(of: sample))
        } else if sample.count == 0 {
            // The reference answers an empty baseline with count 0; here it is refused, and the
            // refusal is what a caller turns into an answer.
            comparison.text("count", expected["count"] as? Int, 0)
            #expect(throws: SummaryError.emptyBaseline(missingCount: sample.missingCount)) {
                try Summarizer(settings).baseline(of: sample)
            }
        } else {
            comparison.summary(expected, try Summarizer(settings).baseline(of: sample))
        }
    }

    private func checkScore(_ comparison: inout CorpusComparison) throws {
        let settings = try settings()
        let score: DriftScore
        if let side = input["baseline"] as? [String: Any] {
            let baseline = try Summarizer(settings).baseline(of: sample(side))
            let window = try Summarizer(settings).windows(on: baseline).summary(
                of: sample(#require(input["window"] as? [String: Any])))
            score = try DriftScore(of: window, against: baseline, settings)
            if let expected = expected["baseline_summary"] as? [String: Any] {
                comparison.summary(expected, baseline)
            }
            if let expected = expected["window_summary"] as? [String: Any] {
                comparison.summary(expected, window)
            }
        } else {
            score = try DriftScore(
                baselineValues: aggregated("baseline", settings.aggregation),
                windowValues: aggregated("window", settings.aggregation), settings)
        }
        comparison.score(expected, score)
        if expected["status"] != nil {
            let status = score.status(
                alertThreshold: double(input["alert_threshold"]),
                warningThreshold: double(input["warning_threshold"]))
            comparison.text("status", expected["status"] as? String, status?.rawValue)
        }
    }

    private func settings() throws -> SummarizerSettings {
        // A case that begins with counts has no use for the edges they were counted on.
        let hasValues = ["values", "file", "baseline"].contains { input[$0] != nil }
        let binMode = try #require(BinMode(rawValue: configuration["bin_mode"] as? String ?? ""))
        return try SummarizerSettings(
            binMode: hasValues ? binMode : .quantile,
            aggregation: #require(
                Aggregation(rawValue: configuration["aggregation"] as? String ?? "")),
            metric: #require(DriftMetric(rawValue: configuration["metric"] as? String ?? "")),
            numBins: configuration["num_bins"] as? Int ?? SummarizerSettings.numBinsDefault,
            binWeights: configuration["bin_weights"].map { try doubles($0).compactMap { $0 } },
            providedEdges: configuration["provided_edges"].map { try doubles($0).compactMap { $0 } })
    }

    /// Values in the case itself, null for missing, or one a line in a file of known digest.
    private func sample(_ side: [String: Any]) throws -> SortedSample {
        if let values = side["values"] {
            return SortedSample(withNulls: try doubles(values))
        }
        let data = try Data(
            contentsOf: dataFolder.appendingPathComponent(#require(side["file"] as? String)))
        if let digest = side["sha256"] as? String {
            #expect(CorpusDigest.sha256(Array(data)) == digest, "\(name) has another file")
        }
        let text = try #require(String(bytes: data, encoding: .utf8))
        return SortedSample(
            try text.split(whereSeparator: \.isWhitespace).map { try #require(Double($0)) })
    }

    /// Aggregated values as given, or from bin counts.
    private func aggregated(_ side: String, _ aggregation: Aggregation) throws -> [Double?] {
        guard let counts = input["\(side)_bins"] as? [Int] else {
            return try doubles(input["\(side)_aggregated"])
        }
        let total = try #require(input["\(side)_count"] as? Int)
        return aggregation == .cumulative
            ? AggregatedValues.cumulative(counts, of: total)
            : AggregatedValues.density(counts, of: total)
    }

    private func doubles(_ json: Any?) throws -> [Double?] {
        try #require(json as? [Any]).map(double)
    }
}
