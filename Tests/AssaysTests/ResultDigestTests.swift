// Invariants checked: the two at the head of AssayOutcome+Digest.swift, in that order.

import Assays
import Bytes
import JSON
import Records
import Summaries
import TestSupport
import Testing

struct ResultDigestTests {
    static let window = AssayOutcomeTests.window

    @Test("a digest's text gives back the digest, and only 64 lower-case digits are one")
    func texts() throws {
        let digest = ResultDigest(of: Array("abc".utf8))
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(digest.hex == hex)
        #expect(ResultDigest(hex: hex) == digest)
        let zeros = String(repeating: "0", count: 63) + "1"
        #expect(ResultDigest(hex: zeros)?.hex == zeros)
        for text in ["", "ba78", hex + "0", hex.uppercased(), "g" + hex.dropFirst()] {
            #expect(ResultDigest(hex: text) == nil)
        }
    }

    @Test("the order in which values come does not change the digest")
    func orderOfValues() throws {
        let evaluator = try AssayOutcomeTests.evaluator()
        let values = [4.0, 1, 1, -2, 7, 3.5]
        let digest = evaluator.outcome(of: SortedSample(values), in: Self.window).digest
        for _ in 0..<20 {
            let outcome = evaluator.outcome(of: SortedSample(values.shuffled()), in: Self.window)
            #expect(outcome.digest == digest)
        }
    }

    @Test("whatever differs, the digest does")
    func differences() throws {
        let sample = SortedSample([1, 2, 3])
        var digests: [ResultDigest] = []
        func add(
            _ sample: SortedSample, _ window: TimeWindow = Self.window,
            _ summarizer: String = Requests.summarizer, alert: Double = 0.25,
            warning: Double? = nil
        ) throws {
            let evaluator = try AssayOutcomeTests.evaluator(
                summarizer: summarizer, alert: alert, warning: warning)
            digests.append(evaluator.outcome(of: sample, in: window).digest)
        }
        try add(sample)
        try add(sample, alert: 0.5)
        try add(sample, warning: 0)
        try add(sample, warning: 0.1)
        try add(sample, TimeWindow(start: moment(0), end: moment(61)))
        try add(sample, TimeWindow(start: moment(1), end: moment(60)))
        try add(SortedSample([1, 2, 3.000000000000001]))
        try add(SortedSample([1, 2, 3, .nan]))
        try add(SortedSample([.nan]))
        try add(SortedSample([.infinity]))
        try add(SortedSample([0.0, 2, 3]))
        try add(SortedSample([-0.0, 2, 3]))
        for more in [
            #""metric":"SumDiff""#, #""metric":"MaxDiff""#, #""aggregation":"Cumulative""#,
            #""aggregation":"Edges""#, #""bin_mode":"Equal""#, #""bin_mode":"None""#,
            #""bin_weights":[1,1,1,1]"#, #""bin_weights":[1,1,1,2]"#,
            #""bin_mode":"Provided","provided_edges":[2,4]"#,
            #""bin_mode":"Provided","provided_edges":[1,2,4]"#,
        ] {
            try add(sample, Self.window, #"{"num_bins":2,\#(more)}"#)
        }
        try add(sample, Self.window, #"{"num_bins":3}"#)
        #expect(Set(digests).count == digests.count)
    }

    @Test("the number of bins does not count where there are none")
    func noBins() throws {
        let digests = try [#"{"bin_mode":"None"}"#, #"{"bin_mode":"None","num_bins":7}"#].map {
            try AssayOutcomeTests.evaluator(summarizer: $0)
                .outcome(of: SortedSample([1]), in: Self.window).digest
        }
        #expect(digests[0] == digests[1])
    }

    @Test("the layout of version 1 is as it is written down")
    func layout() throws {
        let outcome = try AssayOutcomeTests.evaluator(warning: 0.125)
            .outcome(of: SortedSample([1, 3, 9], nullCount: 1), in: Self.window)
        let bytes = outcome.canonicalBytes
        bytes.withUnsafeBytes { buffer in
            func double(_ offset: Int) -> Double {
                Double(
                    bitPattern: UInt64(
                        littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                )
            }
            #expect(buffer[0] == 1)
            #expect(
                buffer.loadUnaligned(fromByteOffset: 1, as: Int64.self) == moment(0).microseconds)
            #expect(
                buffer.loadUnaligned(fromByteOffset: 9, as: Int64.self) == moment(60).microseconds)
            // The baseline: counts 4, 0, 0; min 1; five optional doubles; three edges.
            #expect(Array(buffer[17..<21]) == [4, 0, 0, 1])
            #expect(double(21) == 1)
            #expect(buffer[20 + 5 * 9] == 3)
            #expect(double(20 + 5 * 9 + 1) == 1)
            #expect(double(20 + 5 * 9 + 17) == 4)
            let names = 20 + 5 * 9 + 1 + 3 * 8
            #expect(Array(buffer[names..<names + 2]) == [4, 12])
            #expect(
                String(decoding: buffer[names + 2..<names + 14], as: UTF8.self) == "left_outlier")
            let tail = "\u{8}Quantile\u{7}Density\u{3}PSI\u{2}\u{0}\u{0}"
            #expect(String(decoding: buffer.suffix(tail.utf8.count), as: UTF8.self) == tail)
            let warning = buffer.count - tail.utf8.count - 8
            #expect(double(warning) == 0.125)
            #expect(buffer[warning - 1] == 1)
            #expect(double(warning - 9) == 0.25)
            #expect(
                String(decoding: buffer[warning - 15..<warning - 9], as: UTF8.self) == "\u{5}Alert")
        }
        // Worked out apart from this code, from the layout alone; it may never change.
        #expect(
            outcome.digest.hex
                == "3c0cee53008af033f24ee06770eec06a8db83f4f2a73dbbe7322e8433068cd18")
    }
}
