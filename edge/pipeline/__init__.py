"""The path of one frame; start at camera_pipeline."""
