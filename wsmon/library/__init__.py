"""The Python face: the predecessor's classes on the engine. Import them from wsmon.workset_*."""
