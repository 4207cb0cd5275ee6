"""Request bodies and errors on the wire: JSON, forms, validation errors, RFC 9457 problems."""
