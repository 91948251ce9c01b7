// Invariants checked: the three at the head of RecordBatch+Float32.swift, in that order.

import Records
import Simulation
import Testing

@Suite struct RecordBatchFloat32Tests {
    /// `values`, read from their shortest texts, in a field of float32.
    private static func leaf(_ values: [Double], texts: [NumberText] = [], bare: Bool = false) -> Leaf {
        var batch = RecordBatch(
            times: values.map { _ in 0 },
            fields: [
                FieldColumn(
                    name: "out.score",
                    values: .scalar(Leaf(.float64(values), texts: texts, wholeNumbersAreBare: bare)))
            ])
        batch.readAsFloat32(["out.score"])
        guard case .scalar(let leaf)? = batch.field(named: "out.score")?.values else {
            preconditionFailure("A scalar stays one.")
        }
        return leaf
    }

    @Test("a text that a float32 prints is that float32")
    func shortestTexts() {
        let floats: [Float] = [0.99300325, -1.0603298, 0.1, 0.5, 0, -0.0, 3, 1e-4, 16_777_216, 1.5e-37]
        let leaf = Self.leaf(floats.map { Double($0.description)! })
        #expect(leaf.elements == .float32(floats))
    }

    @Test(
        "a number that no float32 prints stays a double, and what stands beside it is a float32 all the same")
    func mixed() {
        let leaf = Self.leaf([0.99300325, -1.0603297501])
        #expect(leaf.elements == .float64([Double(Float(0.99300325)), -1.0603297501]))
        #expect(leaf.texts == [NumberText(position: 0, text: "0.99300325")])
    }

    @Test("every float32 of many comes back from its text, in any company")
    func everyFloat() {
        var generator = SeededGenerator(seed: 32)
        var floats: [Float] = []
        while floats.count < 20_000 {
            let float = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator))
            if float.isFinite && float.magnitude > 1e-37 { floats.append(float) }
        }
        let doubles = floats.map { Double($0.description)! }
        let mixed = Self.leaf(doubles + [0.1234567890123])
        guard case .float64(let values) = mixed.elements else { preconditionFailure("One is no float32.") }
        #expect(Array(values.dropLast()) == floats.map { Double($0) })
        #expect(values.last == 0.1234567890123)
        let short = floats.filter { (1e-4..<1e7).contains($0.magnitude) }
        #expect(Self.leaf(short.map { Double($0.description)! }).elements == .float32(short))
    }

    @Test("kept texts stay, and a text is kept where the float32 would print another")
    func texts() {
        let kept = [NumberText(position: 1, text: "1.50")]
        let filler = [Double](repeating: 0.25, count: 20)
        let leaf = Self.leaf([0.1, 1.5, 1e8] + filler, texts: kept)
        #expect(leaf.elements == .float32([0.1, 1.5, 1e8] + filler.map { Float($0) }))
        // A double prints 1e8 in digits, a float32 with an exponent.
        #expect(leaf.texts == kept + [NumberText(position: 2, text: "100000000.0")])
    }

    @Test("the widened values of float32 are not given a text each: they stay doubles")
    func widened() {
        let floats: [Float] = [0.99300325, 0.1, 0.2, 0.3]
        let leaf = Self.leaf(floats.map { Double($0) })
        #expect(leaf.elements == .float64(floats.map { Double($0) }))
        #expect(leaf.texts.isEmpty)
    }

    @Test("fields that are not named do not change")
    func others() {
        var batch = RecordBatch(
            times: [0], fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([0.1]))))])
        let before = batch
        batch.readAsFloat32(["out.score"])
        #expect(batch == before)
    }
}
