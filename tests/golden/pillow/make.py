"""Makes this folder: small images of every kind that Pillow reads in a mode of
its own, and what openai/CLIP's transform makes of them.

    pip install pillow numpy safetensors && python make.py
"""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image
from safetensors.numpy import save_file

HERE = Path(__file__).parent
IMAGES = HERE / "images"
SIDE = 32
random = np.random.default_rng(3)


def waves(height, width, channels):
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        127 + 90 * np.sin(x / (4 + c) + c) * np.cos(y / (5 - c)) + random.normal(size=x.shape) * 15
        for c in range(channels)
    ]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(name, width, height, depth, colour, rows, between=b"", interlace=0):
    """A PNG of rows of packed samples, which Pillow itself does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = chunk(b"IHDR", header) + between + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    (IMAGES / name).write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def packed(row, depth):
    bits = "".join(format(value, f"0{depth}b") for value in row)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def write_bmp(name, width, height, bits, rows, colours=b"", height_sign=1):
    rows = b"".join(row + b"\0" * (-len(row) % 4) for row in rows)
    offset = 54 + len(colours)
    head = struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset)
    info = (40, width, height * height_sign, 1, bits, 0, len(rows), 0, 0, len(colours) // 4, 0)
    (IMAGES / name).write_bytes(head + struct.pack("<IiiHHIIiiII", *info) + colours + rows)


def write_gif_on_a_larger_screen(name, transparent):
    """A frame of 20 × 15 pixels at (5, 3) of 40 × 30."""
    frame = IMAGES / "frame.gif"
    picture = Image.fromarray(random.integers(0, 8, (15, 20)).astype(np.uint8), "P")
    picture.putpalette(random.integers(0, 256, 24).tolist())
    picture.save(frame, optimize=False)
    data = frame.read_bytes()
    frame.unlink()
    colours = 3 * (2 << (data[10] & 7))
    at = 13 + colours
    while data[at] == 0x21:
        at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    control = b"" if transparent is None else b"\x21\xf9\x04\x01\0\0" + bytes([transparent, 0])
    place = b"," + struct.pack("<HHHHB", 5, 3, 20, 15, 0)
    screen = data[:6] + struct.pack("<HH", 40, 30) + data[10:13]
    (IMAGES / name).write_bytes(screen + data[13 : 13 + colours] + control + place + data[at + 10 :])


def write_images():
    rgba = waves(37, 45, 4)
    rgb, grey = rgba[..., :3], rgba[..., 0]
    height, width = grey.shape

    def save(array, name, **options):
        picture = array if isinstance(array, Image.Image) else Image.fromarray(array)
        picture.save(IMAGES / name, **options)

    clear = rgba.copy()
    clear[..., 3] = np.where(rgba[..., 3] > 160, 255, np.where(rgba[..., 3] < 90, 0, rgba[..., 3]))
    save(rgba[..., :2], "grey_alpha.png")
    save(clear, "clear.png")
    wide = random.integers(0, 65536, (height, width, 4)).astype(">u2")
    write_png("rgb_16bit.png", width, height, 16, 2, [row.tobytes() for row in wide[..., :3]])
    write_png("rgba_16bit.png", width, height, 16, 6, [row.tobytes() for row in wide])
    write_png("grey_alpha_16bit.png", width, height, 16, 4, [row.tobytes() for row in wide[..., :2]])
    for depth in (1, 2, 4):
        values = random.integers(0, 1 << depth, (height, width)).tolist()
        rows = [packed(row, depth) for row in values]
        write_png(f"grey_{depth}bit.png", width, height, depth, 0, rows)
        # One colour is missing: its pixels are black.
        colours = random.integers(0, 256, 3 * ((1 << depth) - 1)).astype(np.uint8).tobytes()
        write_png(f"palette_{depth}bit.png", width, height, depth, 3, rows, chunk(b"PLTE", colours))
    save(Image.fromarray(rgb).quantize(20), "palette_transparent.png", transparency=3)
    save(grey, "grey_transparent.png", transparency=100)
    rows = []
    for x, y, across, down in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        rows += [row.tobytes() for row in rgb[y::down, x::across]]
    write_png("interlaced.png", width, height, 8, 2, rows, interlace=1)

    save(Image.fromarray(rgb).quantize(30), "palette.gif")
    save(grey, "grey.gif")
    frames = [Image.fromarray(waves(20, 25, 3)).quantize(16) for _ in range(3)]
    save(frames[0], "animated.gif", save_all=True, append_images=frames[1:])
    write_gif_on_a_larger_screen("on_a_screen.gif", None)
    write_gif_on_a_larger_screen("on_a_clear_screen.gif", 2)

    save(rgb, "rgb.bmp")
    save(clear, "rgba.bmp")
    save(grey, "grey.bmp")
    save(Image.fromarray(grey).convert("1"), "bilevel.bmp")
    save(Image.fromarray(rgb).quantize(50), "palette.bmp")
    values = random.integers(0, 16, (height, width)).tolist()
    colours = random.integers(0, 256, 64).astype(np.uint8).tobytes()
    write_bmp("palette_4bit.bmp", width, height, 4, [packed(row, 4) for row in values], colours)
    write_bmp("top_down.bmp", width, height, 24, [row.tobytes() for row in rgb], height_sign=-1)

    save(rgb, "lossy.webp", quality=70)
    save(clear, "lossy_alpha.webp", quality=70)
    save(clear, "lossless_alpha.webp", lossless=True)

    for subsampling in (0, 1, 2):
        save(rgb, f"progressive_{subsampling}.jpg", progressive=True, subsampling=subsampling)
    save(rgb, "restarts.jpg", restart_marker_blocks=2, quality=50)
    save(rgb, "stored_as_rgb.jpg", keep_rgb=True)
    save(grey, "grey.jpg")
    save(Image.fromarray(rgb).convert("CMYK"), "cmyk.jpg", progressive=True)


def clip_view(picture, side):
    """openai/CLIP `clip.py`, `_transform`, up to ToTensor."""
    width, height = picture.size
    long = int(side * max(picture.size) / min(picture.size))
    size = (side, long) if width <= height else (long, side)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (int(round((length - side) / 2.0)) for length in size)
    return np.array(picture.crop((left, top, left + side, top + side)).convert("RGB"))


def main():
    IMAGES.mkdir(exist_ok=True)
    write_images()
    images, views, decoded = {}, {}, {}
    for path in sorted(IMAGES.iterdir()):
        picture = Image.open(path)
        images[path.name] = {"mode": picture.mode, "size": list(picture.size)}
        view = clip_view(picture, SIDE)
        views[f"{path.name}.u8_{SIDE}"] = np.ascontiguousarray(view.transpose(2, 0, 1))
        rgb = np.array(picture.convert("RGB")).transpose(2, 0, 1)
        decoded[f"{path.name}.decoded_rgb"] = np.ascontiguousarray(rgb)
    save_file(views, HERE / "out32.safetensors")
    save_file(decoded, HERE / "decoded_rgb.safetensors")
    info = {"pillow": PIL.__version__, "images": images}
    (HERE / "info.json").write_text(json.dumps(info, indent=1) + "\n")


main()
