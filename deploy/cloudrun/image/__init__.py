"""The files of an image, made from the Dockerfile's own lines without a container engine."""
