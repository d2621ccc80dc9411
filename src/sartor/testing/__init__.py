"""What plug-in authors need to test their capabilities: conformance and builders."""
