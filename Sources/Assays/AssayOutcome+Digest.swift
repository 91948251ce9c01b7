// The canonical bytes of an outcome, over which the digest is by which a stored one is proved.
//
// Integers are little-endian; counts and lengths are LEB128 varints; a text is its byte count and
// its UTF-8; a double is its 64 bits; an optional is a byte 0, or a byte 1 and the value; a list
// is its count and its members. In this order:
//
//     byte               layout version, 1
//     int64, int64       window start and end, microseconds since 1970
//     summary            baseline        varint count, missing count, infinity count;
//     summary            window            optional doubles min, max, mean, median, standard
//                                          deviation; list of doubles edges; list of texts edge
//                                          names; list of optional doubles aggregated values; text
//                                          aggregation; optional int64 start, end
//     optional double    score
//     list of optional doubles   scores
//     optional varint    bin index
//     text               status
//     double             alert threshold
//     optional double    warning threshold
//     text, text, text   bin mode, aggregation, metric
//     varint             number of bins (0 without bins)
//     optional list of doubles   bin weights
//     optional list of doubles   provided edges
//
// The sentence of `absence` is left out: words may be bettered without the finding changing.
//
// Invariants:
//  * Equal outcomes have equal bytes, on every machine; outcomes that differ in anything listed
//    have different bytes.
//  * The layout of version 1 never changes.

import Bytes
import Records
import Summaries

extension AssayOutcome {
    private static let layoutVersion: UInt8 = 1

    /// The SHA-256 of `canonicalBytes`; worked out anew each time it is asked for.
    package var digest: ResultDigest { ResultDigest(of: canonicalBytes) }

    /// The bytes that the head of this file describes.
    package var canonicalBytes: [UInt8] {
        var writer = ByteWriter(reserving: 512)
        writer.write(Self.layoutVersion)
        writer.write(window.start.microseconds)
        writer.write(window.end.microseconds)
        writer.write(baseline)
        writer.write(summary)
        writer.write(optional: score)
        writer.write(list: scores)
        writer.write(optional: binIndex)
        writer.write(text: status.rawValue)
        writer.write(thresholds.alert.bitPattern)
        writer.write(optional: thresholds.warning)
        writer.write(text: summarizer.binMode.rawValue)
        writer.write(text: summarizer.aggregation.rawValue)
        writer.write(text: summarizer.metric.rawValue)
        // Without bins their number means nothing, and may be anything.
        writer.writeVarint(summarizer.binMode == .none ? 0 : summarizer.numBins)
        writer.write(optional: summarizer.binWeights)
        writer.write(optional: summarizer.providedEdges)
        return writer.bytes
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ dated: DatedSummary) {
        let summary = dated.summary
        writeVarint(summary.count)
        writeVarint(summary.missingCount)
        writeVarint(summary.infinityCount)
        for statistic in summary.moments.all { write(optional: statistic) }
        write(list: summary.edges)
        write(list: summary.edgeNames)
        write(list: summary.aggregatedValues)
        write(text: summary.aggregation.rawValue)
        for moment in [dated.start, dated.end] { write(optional: moment) }
    }
}
