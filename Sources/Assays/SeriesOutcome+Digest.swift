// The canonical bytes of an outcome of the second generation, over which its digest is.
//
// They continue AssayOutcome+Digest.swift, with another layout version in front:
//
//     byte               layout version, 3
//     int64, int64       window start and end, microseconds since 1970
//     text, text, text   bin mode as its JSON text, aggregation, metric
//     optional list of doubles   bin weights, as given
//     varint             number of paths; then for each, in the order of the definition:
//         text               dotted path
//         optional summary   baseline      varint count, missing count; optional doubles min, max, mean,
//         optional summary   window          median, standard deviation; text bin mode; list of doubles
//                                            edges; list of texts labels; list of optional doubles
//                                            aggregated values; text aggregation; optional int64 start, end
//         optional varints   what was held without a score: numbers, missing ones, infinite ones
//         optional double    score
//         list of doubles    scores
//         optional varint    bin index
//         text               status
//         optional double    warning threshold, optional double alert threshold
//
// The sentences that say why there is no score are left out: words may be bettered. What they count is in.
//
// Layout 2, which decisions of engine version 1 were made with, is the same without what was held: there a
// window that nulls reached late seemed to be what it had been. Such decisions are proved by that layout.
//
// Invariants:
//  * Equal outcomes have equal bytes; outcomes that differ in anything listed have different bytes.
//  * The layouts of versions 2 and 3 never change.

import Bytes
import Records
import Summaries

extension SeriesOutcome {
    /// The digest that decisions of this engine version hold; worked out anew each time it is asked for.
    package var digest: ResultDigest { ResultDigest(of: canonicalBytes) }

    /// The bytes that the head of this file describes, in layout 3.
    package var canonicalBytes: [UInt8] { canonicalBytes(layoutVersion: 3) }

    /// The digest as decisions of an engine version have it; nil for a version that is not known here.
    package func digest(ofEngine version: Int) -> ResultDigest? {
        switch version {
        // The rules are those of version 2.
        case 1: ResultDigest(of: canonicalBytes(layoutVersion: 2))
        case Self.engineVersion: digest
        default: nil
        }
    }

    /// Whether decisions of an engine version can be proved by what is worked out now.
    package static func proves(engine version: Int) -> Bool { (1...engineVersion).contains(version) }

    private func canonicalBytes(layoutVersion: UInt8) -> [UInt8] {
        var writer = ByteWriter(reserving: 512)
        writer.write(layoutVersion)
        writer.write(window.start.microseconds)
        writer.write(window.end.microseconds)
        writer.write(text: settings.binMode.json.text)
        writer.write(text: settings.aggregation.rawValue)
        writer.write(text: settings.metric.rawValue)
        writer.write(optional: settings.binWeights)
        writer.writeVarint(findings.count)
        for finding in findings {
            writer.write(text: finding.target.path.dottedText)
            writer.write(optional: finding.baseline)
            writer.write(optional: finding.summary)
            if layoutVersion >= 3 { writer.write(optional: finding.held) }
            writer.write(optional: finding.score)
            writer.write(list: finding.scores)
            writer.write(optional: finding.binIndex)
            writer.write(text: finding.status.rawValue)
            writer.write(optional: finding.target.thresholds.warning)
            writer.write(optional: finding.target.thresholds.alert)
        }
        return writer.bytes
    }
}

extension ByteWriter {
    fileprivate mutating func write(optional held: UnscoredValues?) {
        write(UInt8(held == nil ? 0 : 1))
        guard let held else { return }
        for count in [held.count, held.missingCount, held.infinityCount] { writeVarint(count) }
    }

    fileprivate mutating func write(optional dated: DatedSeriesSummary?) {
        write(UInt8(dated == nil ? 0 : 1))
        guard let dated else { return }
        let summary = dated.summary
        writeVarint(summary.count)
        writeVarint(summary.missingCount)
        for statistic in summary.moments.all { write(optional: statistic) }
        write(text: summary.bins.mode.json.text)
        write(list: summary.bins.edges)
        write(list: summary.bins.labels)
        write(list: summary.aggregatedValues)
        write(text: summary.aggregation.rawValue)
        for moment in [dated.start, dated.end] { write(optional: moment) }
    }
}
