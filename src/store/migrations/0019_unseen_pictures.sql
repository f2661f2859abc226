-- Pictures that came from an earlier server and were not looked at yet: their
-- sides are not known, and they have no small picture.
CREATE TABLE unseen_pictures (
    file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;

INSERT INTO unseen_pictures (file_id)
SELECT id FROM files WHERE purpose = 'message' AND width IS NULL AND content_type LIKE 'image/%';
