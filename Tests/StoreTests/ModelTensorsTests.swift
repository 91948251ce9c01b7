// Invariants checked: the two at the head of ModelTensors.swift, in that order, and then that a model's
// outputs become fields with every value in its row.

import JSON
import Records
import Serving
import Simulation
import Testing

@testable import Store

@Suite("Columns and tensors")
struct ModelTensorsTests {
    static func signature(
        _ type: TensorElementType = .float32, _ dimensions: [Int] = [-1, 3], name: String = "x"
    ) -> ModelSignature {
        ModelSignature(
            inputs: [TensorSignature(name: name, elementType: type, dimensions: dimensions)], outputs: [])
    }

    static func batch(_ values: FieldValues, rows: Int, _ presence: Presence = .everyRow, name: String = "x")
        -> RecordBatch
    {
        RecordBatch(
            times: [Int64](repeating: 0, count: rows),
            fields: [FieldColumn(name: name, presence: presence, values: values)])
    }

    static func tensor(_ values: FieldValues, rows: Int, _ signature: ModelSignature) throws -> Tensor {
        let tensors = try ModelTensors.inputs(batch(values, rows: rows), for: signature)
        return try #require(tensors.first)
    }

    static func problem(_ values: FieldValues, rows: Int, _ signature: ModelSignature) -> String {
        do {
            _ = try ModelTensors.inputs(batch(values, rows: rows), for: signature)
            return ""
        } catch {
            return "\(error)"
        }
    }

    static func json(_ rows: String...) -> FieldValues { .json(TextColumn(rows)) }

    // MARK: What fits

    @Test("a list a row becomes a row of the matrix, whatever numbers it was posted as")
    func lists() throws {
        let leaves = [
            Leaf(.float64([0.1, 2])), Leaf(.int64([3, 4])), Leaf(.float32([5.5, 6])),
        ]
        let tensor = try Self.tensor(.fixedList(leaves), rows: 2, Self.signature())
        #expect(tensor == Tensor(name: "x", shape: [2, 3], values: .float32([0.1, 3, 5.5, 2, 4, 6])))
    }

    @Test("one number a row is a vector, or a matrix of one column where the model wants one")
    func scalars() throws {
        let leaf = FieldValues.scalar(Leaf(.int64([7, 8])))
        #expect(
            try Self.tensor(leaf, rows: 2, Self.signature(.int64, [-1]))
                == Tensor(name: "x", shape: [2], values: .int64([7, 8])))
        #expect(
            try Self.tensor(leaf, rows: 2, Self.signature(.float64, [-1, 1]))
                == Tensor(name: "x", shape: [2, 1], values: .float64([7, 8])))
        #expect(
            try Self.tensor(leaf, rows: 2, Self.signature(.int32, [-1, 1, 1]))
                == Tensor(name: "x", shape: [2, 1, 1], values: .int32([7, 8])))
    }

    @Test("booleans are the inputs of a model that takes booleans")
    func booleans() throws {
        #expect(
            try Self.tensor(.scalar(Leaf(.bool([true, false]))), rows: 2, Self.signature(.boolean, [-1]))
                == Tensor(name: "x", shape: [2], values: .boolean([true, false])))
    }

    @Test("a list too long to be columns is a row all the same")
    func longLists() throws {
        let numbers = (0..<1200).map { Double($0) }
        let tensor = try Self.tensor(
            .list(lengths: [600, 600], Leaf(.float64(numbers))), rows: 2, Self.signature(.float64, [-1, 600]))
        #expect(tensor == Tensor(name: "x", shape: [2, 600], values: .float64(numbers)))
    }

    @Test("nested lists keep their shape")
    func nestedLists() throws {
        let tensor = try Self.tensor(
            Self.json("[[1,2],[3,4],[5,6]]", "[[7,8],[9,10],[11,12.5]]"), rows: 2,
            Self.signature(.float32, [-1, 3, 2]))
        #expect(
            tensor
                == Tensor(
                    name: "x", shape: [2, 3, 2], values: .float32([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12.5])))
        #expect(
            try Self.tensor(Self.json("[[],[]]"), rows: 1, Self.signature(.float32, [-1, 2, -1])).shape
                == [1, 2, 0])
    }

    @Test("whole numbers past the doubles' come through nested lists exactly")
    func nestedWholeNumbers() throws {
        let tensor = try Self.tensor(
            Self.json("[[9007199254740993],[-3.0]]"), rows: 1, Self.signature(.int64, [-1, 2, 1]))
        #expect(tensor.values == .int64([9_007_199_254_740_993, -3]))
    }

    // MARK: What does not

    @Test("what does not fit is refused with the field, the row, what was wanted and what was found")
    func refusals() {
        let floats = Self.signature()
        let wholes = Self.signature(.int64, [-1])
        #expect(
            Self.problem(.fixedList([Leaf(.float64([1, 2]), nulls: [1])]), rows: 2, floats)
                == "the input \"x\" has a null in row 1; the model takes numbers")
        #expect(
            Self.problem(.scalar(Leaf(.text(TextColumn(["a"])))), rows: 1, floats)
                == "the input \"x\" takes float32, and text was found")
        #expect(
            Self.problem(.scalar(Leaf(.bool([true]))), rows: 1, floats)
                == "the input \"x\" takes float32, and bool was found")
        #expect(
            Self.problem(.scalar(Leaf(.int64([1]))), rows: 1, Self.signature(.boolean, [-1]))
                == "the input \"x\" takes bool, and int64 was found")
        #expect(
            Self.problem(.scalar(Leaf(.float64([1, 1.5]))), rows: 2, wholes)
                == "the input \"x\" has 1.5 in row 1; the model takes int64")
        #expect(
            Self.problem(.scalar(Leaf(.int64([1, 1 << 31]))), rows: 2, Self.signature(.int32, [-1]))
                == "the input \"x\" has 2147483648 in row 1, which is no 32-bit integer")
        #expect(
            Self.problem(.list(lengths: [2, 1], Leaf(.float64([1, 2, 3]))), rows: 2, floats)
                == "the input \"x\" has 1 elements in row 1 and 2 in row 0; every row needs as many as the "
                + "model takes")
        #expect(
            Self.problem(Self.json("[[1,2]]", "[[1]]"), rows: 2, floats)
                == "the input \"x\" has the shape [1, 1] in row 1 and [1, 2] in row 0")
        #expect(
            Self.problem(Self.json("[[1,2],[3]]"), rows: 1, floats)
                == "the input \"x\" has lists of different lengths in row 0")
        #expect(
            Self.problem(Self.json("[[1,\"2\"]]"), rows: 1, floats)
                == "the input \"x\" has the string \"2\" in row 0; the model takes float32 numbers")
        #expect(
            Self.problem(Self.json("[[1.5]]"), rows: 1, Self.signature(.int64, [-1, 1, 1]))
                == "the input \"x\" has 1.5 in row 0; the model takes int64")
    }

    @Test("a row without the field is refused, and a field that no row has a value of")
    func absent() {
        let missing = Self.batch(.scalar(Leaf(.float64([1, 0]))), rows: 2, .each([.value, .absent]))
        #expect(
            throws: StoreRefusal(
                .invalid, "the input \"x\" has no value in row 1; every row needs one")
        ) { try ModelTensors.inputs(missing, for: Self.signature()) }
        #expect(Self.problem(.none, rows: 1, Self.signature()) == "the input \"x\" has no value in row 0")
        let other = Self.batch(.scalar(Leaf(.float64([1]))), rows: 1, name: "z")
        #expect(throws: ServingError.unknownInput(field: "z", known: ["x"])) {
            try ModelTensors.inputs(other, for: Self.signature())
        }
    }

    @Test("a number beyond float32 is refused: it would become an infinity")
    func beyondFloat32() throws {
        #expect(
            Self.problem(.scalar(Leaf(.float64([1, -1e39]))), rows: 2, Self.signature())
                == "the input \"x\" has -1e+39 in row 1, beyond float32")
        let largest = Double(Float.greatestFiniteMagnitude)
        #expect(
            try Self.tensor(.scalar(Leaf(.float64([largest]))), rows: 1, Self.signature(.float32, [-1]))
                .values
                == .float32([.greatestFiniteMagnitude]))
    }

    // A mixture was told by comparing the count of numbers with the product of the lists' sizes. The
    // product of these overflowed, and the process ended; those of the short ones came out right.
    @Test(
        "a mixture of numbers and lists is refused, however deep and however its sizes multiply",
        arguments: ["[1,[2]]", "[[2],1]", "[[1],[[2]]]", "[[[1],[2]],[3,4]]", "[[],1]"])
    func mixtures(_ text: String) {
        let problem = Self.problem(Self.json(text), rows: 1, Self.signature())
        #expect(problem.contains("row 0"))
    }

    @Test("lists deep enough for their sizes to overflow are refused, not multiplied")
    func overflowingMixture() {
        var text = "1"
        for _ in 0..<40 { text = "[" + text + ",2,3,4,5,6,7,8]" }
        #expect(
            Self.problem(Self.json(text), rows: 1, Self.signature())
                == "the input \"x\" mixes numbers and lists in row 0")
    }

    // MARK: Outputs

    @Test("an output of one number a row is a number, of more is a list")
    func outputs() throws {
        let one = try ModelTensors.field(
            Tensor(name: "y", shape: [3], values: .float32([1, 2, 3])), rowCount: 3)
        #expect(one == FieldColumn(name: "out.y", values: .scalar(Leaf(.float32([1, 2, 3])))))
        let column = try ModelTensors.field(
            Tensor(name: "y", shape: [2, 1], values: .float64([1, 2])), rowCount: 2)
        #expect(column == FieldColumn(name: "out.y", values: .fixedList([Leaf(.float64([1, 2]))])))
        let pairs = try ModelTensors.field(
            Tensor(name: "y", shape: [2, 2], values: .int32([1, 2, 3, 4])), rowCount: 2)
        #expect(
            pairs
                == FieldColumn(
                    name: "out.y", values: .fixedList([Leaf(.int64([1, 3])), Leaf(.int64([2, 4]))])))
        let none = try ModelTensors.field(
            Tensor(name: "y", shape: [2, 0], values: .boolean([])), rowCount: 2)
        #expect(none == FieldColumn(name: "out.y", values: .fixedList([])))
    }

    @Test("an output wider than columns are made for is one column of lists")
    func wideOutputs() throws {
        let numbers = (0..<1026).map { Float($0) }
        let field = try ModelTensors.field(
            Tensor(name: "y", shape: [2, 513], values: .float32(numbers)), rowCount: 2)
        #expect(
            field == FieldColumn(name: "out.y", values: .list(lengths: [513, 513], Leaf(.float32(numbers)))))
    }

    @Test("an output of more dimensions is nested lists, and a NaN in it is null")
    func nestedOutputs() throws {
        let field = try ModelTensors.field(
            Tensor(name: "y", shape: [2, 2, 1], values: .float32([1, .nan, 0.1, 4])), rowCount: 2)
        #expect(
            field
                == FieldColumn(name: "out.y", values: .json(TextColumn(["[[1.0],[null]]", "[[0.1],[4.0]]"]))))
    }

    // Of three pairs of pairs only the first pair was kept.
    @Test("a model that knows no rows answers about the only row, with every value")
    func withoutRows() throws {
        func field(_ shape: [Int], _ count: Int) throws -> FieldValues {
            try ModelTensors.field(
                Tensor(name: "y", shape: shape, values: .int64((0..<count).map { Int64($0) })), rowCount: 1
            ).values
        }
        #expect(try field([], 1) == .scalar(Leaf(.int64([0]))))
        #expect(try field([3], 3) == .fixedList([Leaf(.int64([0])), Leaf(.int64([1])), Leaf(.int64([2]))]))
        #expect(try field([2, 2], 4) == .json(TextColumn(["[[0,1],[2,3]]"])))
        #expect(
            try field([3, 2, 2], 12)
                == .json(TextColumn(["[[[0,1],[2,3]],[[4,5],[6,7]],[[8,9],[10,11]]]"])))
    }

    @Test("an output with other rows than the request's is not taken for them")
    func otherRows() {
        #expect(
            throws: ServingError.runtime(reason: "the output \"y\" has the shape [4] for 2 rows")
        ) {
            try ModelTensors.field(
                Tensor(name: "y", shape: [4], values: .float32([1, 2, 3, 4])), rowCount: 2)
        }
    }

    // MARK: Row by row

    @Test("rows taken apart and put together again are the tensor", arguments: [UInt64(1), 2, 3, 4, 5])
    func apartAndTogether(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let rowCount = Int.random(in: 1...5, using: &random)
        let shape =
            [rowCount]
            + (0..<Int.random(in: 0...2, using: &random)).map { _ in
                Int.random(in: 1...3, using: &random)
            }
        let count = shape.reduce(1, *)
        let all: [Tensor.Values] = [
            .float32((0..<count).map { Float($0) }), .float64((0..<count).map { Double($0) }),
            .int64((0..<count).map { Int64($0) }), .int32((0..<count).map { Int32($0) }),
            .boolean((0..<count).map { $0 % 3 == 0 }),
        ]
        for values in all {
            let tensor = Tensor(name: "y", shape: shape, values: values)
            let rows = (0..<rowCount).map { tensor.row($0, of: rowCount) }
            #expect(rows.allSatisfy { $0.shape == [1] + shape.dropFirst() })
            #expect(try Tensor(stacking: rows) == tensor)
        }
    }

    @Test("answers without a row dimension are stacked to one")
    func stackingSingleValues() throws {
        let rows = [1.5, 2.5].map { Tensor(name: "y", shape: [], values: .float64([$0])) }
        #expect(
            try Tensor(stacking: rows) == Tensor(name: "y", shape: [2], values: .float64([1.5, 2.5])))
        #expect(throws: ServingError.self) {
            try Tensor(
                stacking: [
                    Tensor(name: "y", shape: [1, 1], values: .float64([1])),
                    Tensor(name: "y", shape: [1, 2], values: .float64([1, 2])),
                ])
        }
    }
}
