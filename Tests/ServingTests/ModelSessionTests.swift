// Invariants checked: those at the head of ModelSession.swift: what loads, what runs, that results
// are copies, that nothing is left behind.

import Glibc
import Serving
import TestSupport
import Testing

@Suite("Running models", .enabled(if: Library.isNamed, "\(Library.remedy)"))
struct ModelSessionTests {
    // MARK: What a run gives

    @Test("the sample model answers what is on record")
    func sampleOutputs() throws {
        let expected = try TestData.expectedOutputs()
        let rows = try TestData.transactions().prefix(expected.count)
        let outputs = try Library.session("card_fraud.onnx").run([request(rows)])
        #expect(outputs.map(\.name) == ["dense_1"])
        #expect(outputs[0].shape == [expected.count, 1])
        // Another processor's instructions round the last digits otherwise, so: close, not equal.
        for (found, wanted) in zip(floats(outputs[0]), expected) {
            #expect(abs(found - wanted) < 5e-7)
        }
    }

    @Test("drifted transactions are answered higher than the sample")
    func driftedOutputs() throws {
        let session = try Library.session("card_fraud.onnx")
        let usual = floats(try session.run([request(TestData.transactions()[...])])[0]).sorted()
        let drifted = floats(
            try session.run([request(TestData.transactions("transactions_drifted.json")[...])])[0]
        ).sorted()
        #expect(usual.count == 1000 && drifted.count == 400)
        #expect(drifted[200] > usual[800])
    }

    @Test("a batch of 1000 rows gives the very bits of 1000 single runs")
    func batchEqualsSingles() throws {
        let session = try Library.session("card_fraud.onnx")
        let rows = try TestData.transactions()
        let batch = floats(try session.run([request(rows[...])])[0])
        let singles = try rows.indices.map { index in
            floats(try session.run([request(rows[index...index])])[0])[0]
        }
        #expect(batch.map(\.bitPattern) == singles.map(\.bitPattern))
    }

    @Test("two inputs and two outputs, float32 beside float64, given in any order")
    func severalInputs() throws {
        let session = try Library.session("amounts_and_rates.onnx")
        let amounts = Tensor(
            name: "amounts", shape: [2, 3], values: .float32([1, 2, 3, 10, 20, 30.5]))
        let rates = Tensor(name: "rates", shape: [2, 2], values: .float64([3, 0.1, -6, 1e300]))
        let expected = [
            Tensor(name: "total", shape: [2, 1], values: .float32([6, 60.5])),
            Tensor(
                name: "thirds", shape: [2, 2],
                values: .float64([
                    3 * (1.0 / 3), 0.1 * (1.0 / 3), -6 * (1.0 / 3), 1e300 * (1.0 / 3),
                ])),
        ]
        #expect(try session.run([amounts, rates]) == expected)
        #expect(try session.run([rates, amounts]) == expected)
    }

    @Test("whole numbers keep all 64 bits")
    func wholeNumbers() throws {
        let counts: [Int64] = [1, -2, 4_611_686_018_427_387_903, -4_611_686_018_427_387_904]
        let outputs = try Library.session("whole_numbers.onnx").run([
            Tensor(name: "counts", shape: [1, 4], values: .int64(counts))
        ])
        #expect(
            outputs == [
                Tensor(name: "doubled", shape: [1, 4], values: .int64(counts.map { $0 * 2 }))
            ])
    }

    @Test("32-bit integers and truth values go in and come out, one a row")
    func smallTypes() throws {
        let outputs = try Library.session("small_types.onnx").run([
            Tensor(name: "days", shape: [3], values: .int32([7, 0, -1])),
            Tensor(name: "flag", shape: [3], values: .boolean([true, false, true])),
        ])
        #expect(
            outputs == [
                Tensor(name: "days_left", shape: [3], values: .int32([0, -7, -8])),
                Tensor(name: "unset", shape: [3], values: .boolean([false, true, false])),
            ])
    }

    @Test("no rows give no rows")
    func noRows() throws {
        let outputs = try Library.session("card_fraud.onnx").run([
            Tensor(name: "dense_input", shape: [0, 29], values: .float32([]))
        ])
        #expect(outputs == [Tensor(name: "dense_1", shape: [0, 1], values: .float32([]))])
    }

    @Test("a NaN stays in its row")
    func notANumber() throws {
        var rows = Array(try TestData.transactions().prefix(3))
        rows[1][5] = .nan
        let outputs = floats(try Library.session("card_fraud.onnx").run([request(rows[...])])[0])
        #expect(outputs.map(\.isNaN) == [false, true, false])
    }

    @Test("results are copies: a later run does not change them")
    func resultsAreCopies() throws {
        let session = try Library.session("card_fraud.onnx")
        let rows = try TestData.transactions()
        let first = try session.run([request(rows[..<500])])
        let bits = floats(first[0]).map(\.bitPattern)
        _ = try session.run([request(rows[500...])])
        #expect(floats(first[0]).map(\.bitPattern) == bits)
    }

    // MARK: What is refused before the runtime is asked

    @Test("a row of the wrong width is refused with both shapes")
    func wrongWidth() throws {
        let session = try Library.session("card_fraud.onnx")
        let narrow = Tensor(
            name: "dense_input", shape: [2, 28], values: .float32([Float](repeating: 0, count: 56)))
        #expect(
            Library.refusal(of: [narrow], by: session)
                == .wrongShape(field: "dense_input", expected: [-1, 29], found: [2, 28]))
    }

    @Test("values of the wrong type are refused with both types")
    func wrongType() throws {
        let session = try Library.session("card_fraud.onnx")
        let wide = Tensor(
            name: "dense_input", shape: [1, 29], values: .float64([Double](repeating: 0, count: 29))
        )
        #expect(
            Library.refusal(of: [wide], by: session)
                == .wrongElementType(field: "dense_input", expected: .float32, found: .float64))
    }

    @Test("a missing input is named")
    func missingInput() throws {
        let session = try Library.session("amounts_and_rates.onnx")
        let amounts = Tensor(name: "amounts", shape: [1, 3], values: .float32([1, 2, 3]))
        #expect(
            Library.refusal(of: [amounts], by: session)
                == .missingInput(field: "rates"))
    }

    @Test("a model that fails while it runs says why, and runs again")
    func failingRun() throws {
        let session = try Library.session("lookup.onnx")
        func request(_ index: Int64) -> [Tensor] {
            [Tensor(name: "index", shape: [1], values: .int64([index]))]
        }
        let error = Library.refusal(of: request(3), by: session)
        guard case .runtime(let reason) = error else {
            Issue.record("\(String(describing: error)) is not runtime")
            return
        }
        #expect(reason.contains("out of data bounds"))
        #expect(try session.run(request(2))[0].values == .float32([2.5]))
    }

    // MARK: What does not load

    @Test("a model cut at any byte is refused")
    func cutAnywhere() throws {
        let whole = try TestData.model("whole_numbers.onnx")
        #expect(try Library.refusal(of: whole) == nil)
        for count in 0..<whole.count {
            let error = try Library.refusal(of: Array(whole[..<count]))
            guard case .invalidModel = error else {
                Issue.record("cut at \(count): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("a model with any one byte changed is refused or loads, and nothing else happens")
    func changedAnywhere() throws {
        let whole = try TestData.model("whole_numbers.onnx")
        for position in whole.indices {
            var changed = whole
            changed[position] ^= 0x55
            switch try Library.refusal(of: changed) {
            case nil, .invalidModel, .unsupportedType: break
            case let error: Issue.record("byte \(position): \(String(describing: error))")
            }
        }
    }

    @Test(
        "garbage, an empty file, no file and a folder are refused as no model",
        arguments: ["garbage", "empty", "absent", "folder"])
    func noModel(kind: String) throws {
        let path = "/tmp/assaylog-no-model-\(kind)-\(getpid())"
        if kind == "folder" { mkdir(path, 0o700) }
        if kind == "garbage" || kind == "empty" {
            let file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
            try #require(file >= 0)
            let content = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ 37) }
            #expect(write(file, content, kind == "garbage" ? content.count : 0) >= 0)
            close(file)
        }
        defer {
            unlink(path)
            rmdir(path)
        }
        let error = try Library.refusal(ofModelAt: path)
        guard case .invalidModel(let reason) = error else {
            Issue.record("\(String(describing: error)) is not invalidModel")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("a model may not read files outside its own folder")
    func weightsElsewhere() throws {
        let path = TestData.path(ofModel: "weights_elsewhere.onnx")
        let error = try Library.refusal(ofModelAt: path)
        guard case .invalidModel(let reason) = error else {
            Issue.record("\(String(describing: error)) is not invalidModel")
            return
        }
        #expect(reason.contains("escapes"))
    }

    @Test("a session and its results outlive the runtime's handle")
    func lifetimes() throws {
        let path = try Library.opened.get().path
        let session = try ModelSession(
            runtime: ModelRuntime(explicit: path), path: TestData.path(ofModel: "card_fraud.onnx"))
        let rows = try TestData.transactions().prefix(1)
        #expect(floats(try session.run([request(rows)])[0]).count == 1)
    }

    private func request(_ rows: ArraySlice<[Float]>) -> Tensor {
        Tensor(name: "dense_input", shape: [rows.count, 29], values: .float32(rows.flatMap { $0 }))
    }

    private func floats(_ tensor: Tensor) -> [Float] {
        guard case .float32(let values) = tensor.values else { return [] }
        return values
    }
}
