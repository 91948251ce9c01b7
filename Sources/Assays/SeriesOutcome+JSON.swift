// A stored result of the second generation read back to the outcome it is about, so that its digest can be
// held against the decision's.
//
// A result does not tell everything that the digest is over: not a baseline that moves, which is in no result,
// and not what was counted where there is no score. What is in the definition is taken from there; the rest may
// stand beside a result (SeriesSupplement.swift).
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
    ///
    /// - Parameter supplement: what stands beside it, for an assay of this definition.
    package func outcome(
        ofResult document: [UInt8], _ decision: AssayDecision, with supplement: SeriesSupplement? = nil
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
        let scoreFields = try scores.members(calledAs: definition.paths)
        let summaryFields = try summaries.members(calledAs: definition.paths)
        var findings: [SeriesFinding] = []
        for (position, target) in definition.targeting.targets.enumerated() {
            let part = supplement?.parts[position]
            guard
                let finding = try SeriesFinding(
                    target, definition.knownBaseline(of: target.path) ?? part?.baseline, part,
                    scoreFields[position], summaryFields[position])
            else { return nil }
            findings.append(finding)
        }
        return SeriesOutcome(window, findings, definition.settings)
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

extension SeriesDefinition {
    /// The baseline of a path where it does not move; nil where it does.
    fileprivate func knownBaseline(of path: IOPath) -> DatedSeriesSummary? {
        guard case .summaries(let baselines) = baseline else { return nil }
        guard let baseline = baselines[path] else {
            preconditionFailure("A definition holds a summary for each of its paths.")
        }
        return baseline
    }
}

extension SeriesFinding {
    /// Reads what became of a path, as `SeriesResult` writes it; nil where that does not tell all.
    ///
    /// - Parameters:
    ///   - baseline: nil where it is not known, or there was none.
    ///   - part: what stands beside the result.
    fileprivate init?(
        _ target: SeriesTarget, _ baseline: DatedSeriesSummary?, _ part: SeriesSupplement.Part?,
        _ json: JSONField, _ summary: JSONField
    ) throws {
        if case .string(let sentence)? = json.value {
            if let part {
                guard let status = part.status else {
                    throw json.refused("is a sentence, beside which it stands that there was a score")
                }
                self.init(target, baseline: baseline, absence: sentence, status, held: part.held)
                return
            }
            guard let baseline else { return nil }
            if sentence == Self.noRecords {
                self.init(target, baseline: baseline, absence: sentence)
                return
            }
            guard let held = UnscoredValues(missingSaidBy: sentence) else { return nil }
            self.init(target, baseline: baseline, absence: sentence, held: held)
            return
        }
        let dated = try DatedSeriesSummary(summary)
        guard let baseline else {
            guard part == nil else {
                throw json.refused("is a score, beside which it stands that there was no baseline")
            }
            return nil
        }
        let scores = try json["scores"].doubles()
        self.init(
            target, baseline, dated, score: try json["score"].double(), scores: scores,
            binIndex: try json["bin_index"].optional?.integer())
    }
}

extension UnscoredValues {
    /// What the sentence about a window without numbers counts.
    fileprivate init?(missingSaidBy sentence: String) {
        let count = sentence.split(separator: " ").lazy.compactMap { Int($0) }.first ?? 0
        guard count > 0, sentence == AbsenceSentence.noNumbers(missingCount: count) else { return nil }
        self.init(count: 0, missingCount: count, infinityCount: 0)
    }
}
