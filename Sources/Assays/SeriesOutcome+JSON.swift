// A stored result of the second generation read back to the outcome it is about, so that its digest can be
// held against the decision's.
//
// A result does not tell everything that the digest is over: not a baseline that moves, which is in no result,
// and not how many nulls there were beside infinite numbers only. What is in the definition is taken from there.
//
// Invariants:
//  * An outcome, written as a result and read back, has the digest it had, or is not read back.
//  * What is not as this version writes it is not read back, unless it contradicts the definition: then
//    it is refused.

import JSON
import Records
import Summaries

extension SeriesAssay {
    /// What a result says of its window; nil where it does not say enough.
    ///
    /// Throws where it is no result of this decision.
    package func outcome(
        ofResult document: [UInt8], _ decision: AssayDecision
    ) throws -> SeriesOutcome? {
        let json = JSONField(try JSONValue(parsing: document))
        guard try json["id"].integer() == decision.resultID.number else {
            throw json["id"].refused("is not \(decision.resultID.number)")
        }
        guard try json["assay_id"].string() == uuid else { throw json["assay_id"].refused("is not \(uuid)") }
        let start = try json["window_start"].timestamp()
        let end = try json["window_end"].timestamp()
        guard start < end else { throw json["window_end"].refused("is not after the start") }
        let window = TimeWindow(start: start, end: end)
        let (scores, summaries) = (json["scores"], json["summaries"])
        _ = try summaries.object()
        guard try scores.object().members.map(\.key) == definition.paths.map(\.dottedText) else {
            throw scores.refused("are not those of the assay's paths")
        }
        guard case .summaries(let baselines) = definition.baseline else { return nil }
        var findings: [SeriesFinding] = []
        for target in definition.targeting.targets {
            guard let baseline = baselines[target.path] else {
                preconditionFailure("A definition holds a summary for each of its paths.")
            }
            let name = target.path.dottedText
            guard
                let finding = try SeriesFinding(target, baseline, scores[name], summaries[name])
            else { return nil }
            findings.append(finding)
        }
        return SeriesOutcome(window, findings, definition.settings)
    }

    /// Whether a result is not what was decided, as far as it tells. What another engine made cannot be made
    /// again, and is taken as it is.
    package func contradicts(_ document: [UInt8], _ decision: AssayDecision) -> Bool {
        guard SeriesOutcome.proves(engine: decision.engineVersion) else { return false }
        do {
            guard let outcome = try outcome(ofResult: document, decision),
                let digest = outcome.digest(ofEngine: decision.engineVersion)
            else { return false }
            return digest != decision.digest
        } catch { return true }
    }

    /// What is said of a window that holds no records, where that follows from the decision; nil where it
    /// does not, and where there were records.
    package func emptyOutcome(of decision: AssayDecision) -> SeriesOutcome? {
        guard decision.status == .noData, decision.engineVersion == SeriesOutcome.engineVersion,
            case .summaries(let baselines) = definition.baseline
        else { return nil }
        let outcome = SeriesOutcome(
            decision.window,
            definition.targeting.targets.map {
                SeriesFinding($0, baseline: baselines[$0.path], absence: SeriesFinding.noRecords)
            }, definition.settings)
        return outcome.digest == decision.digest ? outcome : nil
    }
}

extension SeriesFinding {
    /// Reads what became of a path, as `SeriesResult` writes it; nil where that does not tell all.
    fileprivate init?(
        _ target: SeriesTarget, _ baseline: DatedSeriesSummary, _ json: JSONField, _ summary: JSONField
    ) throws {
        if case .string(let sentence)? = json.value {
            if sentence == Self.noRecords {
                self.init(target, baseline: baseline, absence: sentence)
                return
            }
            guard let held = UnscoredValues(missingSaidBy: sentence) else { return nil }
            self.init(target, baseline: baseline, absence: sentence, held: held)
            return
        }
        let dated = try DatedSeriesSummary(summary)
        let found = dated.summary
        // An infinite one is written as none.
        let statistics = [found.min, found.max, found.mean, found.median, found.standardDeviation]
        guard !statistics.contains(nil) else { return nil }
        var scores: [Double] = []
        for term in try json["scores"].array() { scores.append(try term.double()) }
        self.init(
            target, baseline, dated, score: try json["score"].double(), scores: scores,
            binIndex: try json["bin_index"].optional?.integer())
    }
}

extension UnscoredValues {
    /// What the sentence about a window without numbers counts.
    fileprivate init?(missingSaidBy sentence: String) {
        let count = sentence.split(separator: " ").lazy.compactMap { Int($0) }.first ?? 0
        guard count > 0, sentence == SeriesFinding.noNumbers(missingCount: count) else { return nil }
        self.init(count: 0, missingCount: count, infinityCount: 0)
    }
}
