// Invariants checked: those at the head of RecordBatch+Rows.swift and RecordBatch+Concatenation.swift.
// Random batches from posted rows are tried in the tests of the room Wire, which can make them.

import Testing

@testable import Records

private let batch = RecordBatch(
    times: [10, 20, 30, 40],
    fields: [
        FieldColumn(
            name: "number",
            values: .scalar(
                Leaf(
                    .float64([1, 2.5, 3, 4]), nulls: [1],
                    texts: [NumberText(position: 3, text: "4.00")]))),
        FieldColumn(
            name: "early", presence: .each([.value, .null, .absent, .absent]),
            values: .scalar(Leaf(.text(TextColumn(["a", "", "", ""]))))),
        FieldColumn(
            name: "fixed",
            values: .fixedList([
                Leaf(.int64([1, 2, 3, 4])), Leaf(.bool([true, false, true, false])),
            ])),
        FieldColumn(
            name: "list",
            values: .list(lengths: [2, 0, 1, 3], Leaf(.int64([1, 2, 3, 4, 5, 6]), nulls: [2, 4]))),
        FieldColumn(name: "json", values: .json(TextColumn(["{}", "[1]", "2", "\"x\""]))),
    ])

private func numbers(_ leaf: Leaf, presence: Presence = .everyRow) -> RecordBatch {
    RecordBatch(
        times: [Int64](repeating: 0, count: leaf.count),
        fields: [FieldColumn(name: "x", presence: presence, values: .scalar(leaf))])
}

private func joined(_ leaves: Leaf...) -> FieldValues? {
    RecordBatch(concatenating: leaves.map { numbers($0) })?.fields[0].values
}

@Suite struct RecordBatchRowsTests {
    @Test("a slice has the rows of its range, with their nulls and texts at their new places")
    func slice() {
        let slice = batch.slice(1..<4)
        #expect(slice.times == [20, 30, 40])
        #expect(
            slice.field(named: "number")?.values
                == .scalar(
                    Leaf(
                        .float64([2.5, 3, 4]), nulls: [0],
                        texts: [NumberText(position: 2, text: "4.00")])))
        #expect(slice.field(named: "early")?.presence == .each([.null, .absent, .absent]))
        #expect(slice.field(named: "early")?.values == FieldValues.none)
        #expect(
            slice.field(named: "list")?.values
                == .list(lengths: [0, 1, 3], Leaf(.int64([3, 4, 5, 6]), nulls: [0, 2])))
        #expect(slice.field(named: "json")?.values == .json(TextColumn(["[1]", "2", "\"x\""])))
    }

    @Test("a field that no row of a slice has is left out")
    func leftOut() {
        #expect(batch.slice(2..<4).field(named: "early") == nil)
        #expect(batch.slice(0..<1).field(named: "early")?.presence == .everyRow)
    }

    @Test("a selection has the rows asked for, in that order, as often as asked")
    func selecting() {
        let selection = batch.selecting(rows: [3, 0, 3])
        #expect(selection.times == [40, 10, 40])
        #expect(
            selection.field(named: "number")?.values
                == .scalar(
                    Leaf(
                        .float64([4, 1, 4]),
                        texts: [
                            NumberText(position: 0, text: "4.00"),
                            NumberText(position: 2, text: "4.00"),
                        ])
                ))
        #expect(
            selection.field(named: "list")?.values
                == .list(
                    lengths: [3, 2, 3], Leaf(.int64([4, 5, 6, 1, 2, 4, 5, 6]), nulls: [1, 6])))
        #expect(
            selection.field(named: "fixed")?.values
                == .fixedList([Leaf(.int64([4, 1, 4])), Leaf(.bool([false, true, false]))]))
    }

    @Test("the parts of a batch cut anywhere make it again")
    func everyCut() {
        for first in 0...4 {
            for second in first...4 {
                let parts = [
                    batch.slice(0..<first), batch.slice(first..<second), batch.slice(second..<4),
                ]
                #expect(RecordBatch(concatenating: parts) == batch, "\(first), \(second)")
            }
        }
        #expect(RecordBatch(concatenating: []) == RecordBatch(times: [], fields: []))
    }

    @Test("fields that one batch lacks are absent there")
    func absent() {
        let left = RecordBatch(
            times: [1], fields: [FieldColumn(name: "a", values: .scalar(Leaf(.int64([1]))))])
        let right = RecordBatch(
            times: [2], fields: [FieldColumn(name: "b", values: .fixedList([Leaf(.bool([true]))]))])
        #expect(
            RecordBatch(concatenating: [left, right])
                == RecordBatch(
                    times: [1, 2],
                    fields: [
                        FieldColumn(
                            name: "a", presence: .each([.value, .absent]),
                            values: .scalar(Leaf(.int64([1, 0])))),
                        FieldColumn(
                            name: "b", presence: .each([.absent, .value]),
                            values: .fixedList([Leaf(.bool([false, true]))])),
                    ]))
    }

    @Test("integers and doubles are doubles that keep every text")
    func numberTypes() {
        #expect(
            joined(Leaf(.int64([1, 9_007_199_254_740_993])), Leaf(.float64([0.5])))
                == .scalar(
                    Leaf(
                        .float64([1, 9_007_199_254_740_992, 0.5]),
                        texts: [NumberText(position: 1, text: "9007199254740993")],
                        wholeNumbersAreBare: true)
                ))
        #expect(
            joined(Leaf(.float64([2, 3])), Leaf(.int64([4])))
                == .scalar(Leaf(.float64([2, 3, 4]), texts: [NumberText(position: 2, text: "4")])))
        #expect(
            joined(Leaf(.float64([2])), Leaf(.int64([4, 5])))
                == .scalar(
                    Leaf(
                        .float64([2, 4, 5]), texts: [NumberText(position: 0, text: "2.0")],
                        wholeNumbersAreBare: true)))
        #expect(
            joined(
                Leaf(.float64([2, 3]), texts: [NumberText(position: 0, text: "2")]),
                Leaf(
                    .float64([7, 8]), texts: [NumberText(position: 1, text: "8.00")],
                    wholeNumbersAreBare: true))
                == .scalar(
                    Leaf(
                        .float64([2, 3, 7, 8]),
                        texts: [
                            NumberText(position: 1, text: "3.0"),
                            NumberText(position: 3, text: "8.00"),
                        ],
                        wholeNumbersAreBare: true)))
    }

    @Test("rows without a value do not decide how numbers are written")
    func valuelessRows() {
        let left = numbers(
            Leaf(.float64([0, 0, 5]), wholeNumbersAreBare: true),
            presence: .each([.null, .null, .value]))
        let right = numbers(Leaf(.float64([6, 7])))
        #expect(
            RecordBatch(concatenating: [left, right])?.fields[0].values
                == .scalar(
                    Leaf(.float64([0, 0, 5, 6, 7]), texts: [NumberText(position: 2, text: "5")])))
    }

    @Test("a leaf of nulls takes the type of the others")
    func nulls() {
        #expect(
            joined(Leaf(.int64([0]), nulls: [0]), Leaf(.text(TextColumn(["a"]))))
                == .scalar(Leaf(.text(TextColumn(["", "a"])), nulls: [0])))
        #expect(
            joined(Leaf(.bool([true])), Leaf(.int64([0]), nulls: [0]))
                == .scalar(Leaf(.bool([true, false]), nulls: [1])))
    }

    @Test("other types and shapes do not unify")
    func notUnified() {
        #expect(joined(Leaf(.int64([1])), Leaf(.text(TextColumn(["a"])))) == nil)
        #expect(joined(Leaf(.float32([1])), Leaf(.float64([1]))) == nil)
        #expect(joined(Leaf(.float32([1])), Leaf(.int64([1]))) == nil)
        #expect(joined(Leaf(.bool([true])), Leaf(.int64([1]))) == nil)
        let shapes: [FieldValues] = [
            .scalar(Leaf(.int64([1]))), .fixedList([Leaf(.int64([1]))]), .fixedList([]),
            .fixedList([Leaf(.int64([1])), Leaf(.int64([1]))]),
            .list(lengths: [1], Leaf(.int64([1]))),
            .json(TextColumn(["1"])),
        ]
        for (first, left) in shapes.enumerated() {
            for (second, right) in shapes.enumerated() {
                let batches = [left, right].map {
                    RecordBatch(times: [0], fields: [FieldColumn(name: "x", values: $0)])
                }
                #expect((RecordBatch(concatenating: batches) != nil) == (first == second))
            }
        }
    }

    @Test("two spellings of one name in Unicode are two fields, each absent where the other is")
    func spellings() {
        let names = ["\u{E9}", "e\u{301}"]
        let batches = names.map {
            RecordBatch(
                times: [0], fields: [FieldColumn(name: $0, values: .scalar(Leaf(.int64([1]))))])
        }
        #expect(batches[0] != batches[1])
        guard let whole = RecordBatch(concatenating: batches) else {
            Issue.record("the batches unify")
            return
        }
        #expect(whole.fields.map { Array($0.name.utf8) } == names.map { Array($0.utf8) })
        #expect(whole.field(named: names[0])?.presence == .each([.value, .absent]))
        #expect(whole.field(named: names[1])?.presence == .each([.absent, .value]))
        #expect(whole.slice(0..<1) == batches[0] && whole.slice(1..<2) == batches[1])
    }
}
