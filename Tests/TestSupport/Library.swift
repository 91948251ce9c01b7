// Whether there is a library to run models with.

import Serving

/// The library that the environment names; without one, the tests that need it do not run.
package enum Library {
    package static let isNamed = ModelRuntime.environmentPlace() != nil
    package static let remedy =
        "ASSAYLOG_ONNXRUNTIME names no library: run Tools/dev setup, or set it to libonnxruntime.so"
}
