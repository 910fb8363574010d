"""GStreamer's RTSP server as a second opinion beside our own. Runs under the system's Python, which has gi.

Prints two ports: of an open server with /main (H.264, 640x360, 12.5 a second) and /h265 (320x240, 10 a second), and of
one that asks guard:letmein by Digest for its /main. All are live test pictures.
"""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width={},height={},framerate={} ! "
H264 = (
    "x264enc tune=zerolatency speed-preset=ultrafast bitrate=400 key-int-max=25 ! video/x-h264,profile=baseline ! "
    "rtph264pay name=pay0 pt=96 config-interval=1"
)
H265 = (
    "x265enc tune=zerolatency speed-preset=ultrafast bitrate=200 key-int-max=20 ! "
    "rtph265pay name=pay0 pt=96 config-interval=1"
)


def server_with(streams: dict[str, str]) -> GstRtspServer.RTSPServer:
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    for path, launch in streams.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {launch} )")
        factory.set_shared(True)
        server.get_mount_points().add_factory(path, factory)
    return server


def ask_password(server: GstRtspServer.RTSPServer) -> None:
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "guard")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest("guard", "letmein", token)
    server.set_auth(auth)
    allowed = "guard, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory = server.get_mount_points().match("/main")[0]
    factory.add_role_from_structure(Gst.Structure.from_string(allowed)[0])


def main() -> None:
    Gst.init(None)
    main_stream = SOURCE.format(640, 360, "25/2") + H264
    open_server = server_with({"/main": main_stream, "/h265": SOURCE.format(320, 240, "10/1") + H265})
    closed_server = server_with({"/main": main_stream})
    ask_password(closed_server)
    open_server.attach(None)
    closed_server.attach(None)
    print(open_server.get_bound_port(), closed_server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
