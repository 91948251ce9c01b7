// Invariants checked: the two at the head of SignatureReader.swift.

import Serving
import TestSupport
import Testing

@Suite("Model signatures", .enabled(if: Library.isNamed, "\(Library.remedy)"))
struct SignatureReaderTests {
    @Test("the sample model takes 29 float32 a row and gives one")
    func sample() throws {
        let signature = try Library.session("card_fraud.onnx").signature
        #expect(
            signature
                == ModelSignature(
                    inputs: [
                        TensorSignature(
                            name: "dense_input", elementType: .float32, dimensions: [-1, 29])
                    ],
                    outputs: [
                        TensorSignature(
                            name: "dense_1", elementType: .float32, dimensions: [-1, 1])
                    ]))
    }

    @Test("several inputs and outputs keep the model's order, each with its type")
    func several() throws {
        let signature = try Library.session("amounts_and_rates.onnx").signature
        #expect(
            signature
                == ModelSignature(
                    inputs: [
                        TensorSignature(
                            name: "amounts", elementType: .float32, dimensions: [-1, 3]),
                        TensorSignature(name: "rates", elementType: .float64, dimensions: [-1, 2]),
                    ],
                    outputs: [
                        TensorSignature(name: "total", elementType: .float32, dimensions: [-1, 1]),
                        TensorSignature(
                            name: "thirds", elementType: .float64, dimensions: [-1, 2]),
                    ]))
    }

    @Test("a text input is refused at loading, by name")
    func textInput() throws {
        let refusal = try Library.refusal(ofModelAt: TestData.path(ofModel: "text_input.onnx"))
        #expect(refusal == .unsupportedType(field: "merchant", type: "string"))
    }

    @Test("an output that is a sequence is refused at loading, by name")
    func sequenceOutput() throws {
        let refusal = try Library.refusal(ofModelAt: TestData.path(ofModel: "sequence_output.onnx"))
        #expect(refusal == .unsupportedType(field: "amount_list", type: "sequence"))
    }
}
