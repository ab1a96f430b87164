# The bounds-checked byte cursor, the only way to read foreign bytes; cursor.h explains
# it. Every reader returns 0, or -1 and leaves the cursor where it was.

from libc.stdint cimport uint8_t, uint16_t, uint32_t


cdef extern from "cursor.h" nogil:
    struct cursor:
        const uint8_t *at
        const uint8_t *end
    cursor cursor_over(const uint8_t *bytes, size_t n) noexcept
    size_t cursor_left(const cursor *cursor) noexcept
    int cursor_skip(cursor *cursor, size_t n) noexcept
    void cursor_limit(cursor *cursor, size_t n) noexcept
    int cursor_u8(cursor *cursor, uint8_t *value) noexcept
    int cursor_u16(cursor *cursor, uint16_t *value) noexcept
    int cursor_u32(cursor *cursor, uint32_t *value) noexcept
    int cursor_copy(cursor *cursor, void *out, size_t n) noexcept
