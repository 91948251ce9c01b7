// Invariants checked: the two at the head of ServingError.swift, as sentences that people read.

import Serving
import Testing

@Suite("Serving errors")
struct ServingErrorTests {
    @Test("a wrong shape says the field, what it takes and what was found")
    func wrongShape() {
        let error = ServingError.wrongShape(
            field: "dense_input", expected: [-1, 29], found: [3, 28])
        #expect(
            "\(error)" == "the input \"dense_input\" takes the shape [any, 29], "
                + "and [3, 28] was found")
    }

    @Test("a wrong element type says the field, what it takes and what was found")
    func wrongElementType() {
        let error = ServingError.wrongElementType(
            field: "rates", expected: .float64, found: .float32)
        #expect("\(error)" == "the input \"rates\" takes float64, and float32 was found")
    }

    @Test("an unknown input is told which inputs there are")
    func unknownInput() {
        let error = ServingError.unknownInput(field: "tensor", known: ["amounts", "rates"])
        #expect(
            "\(error)" == "the model has no input \"tensor\"; its inputs are "
                + "\"amounts\", \"rates\"")
    }

    @Test("a type that is not served is told which are")
    func unsupportedType() {
        let error = ServingError.unsupportedType(field: "merchant", type: "string")
        #expect(
            "\(error)" == "\"merchant\" is of type string, which is not served; served are "
                + "tensors of float32, float64, int64, int32, bool")
    }

    @Test("a missing library says what was tried, why each failed, and the remedy")
    func libraryUnavailable() {
        let error = ServingError.libraryUnavailable(tried: [
            LibraryAttempt(place: "/a (default)", reason: "No such file or directory"),
            LibraryAttempt(place: "/b (default)", reason: "is not a library"),
        ])
        #expect(
            "\(error)" == "ONNX Runtime is not available: tried /a (default): No such file or "
                + "directory; /b (default): is not a library. To serve models, run `Tools/dev "
                + "setup`, or set ASSAYLOG_ONNXRUNTIME to the path of libonnxruntime.so")
    }
}
