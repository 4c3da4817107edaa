"""Letters that people's rules ask for: replies, rejections, notifications, redirects; composed here, sent by others."""
