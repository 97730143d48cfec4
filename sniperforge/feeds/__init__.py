"""Feeds: sources of frames (WebSocket endpoints and tapes), raced, deduplicated, watched for gaps and recorded."""
