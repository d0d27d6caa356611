# The receiver with Terraform or OpenTofu, from the zip of `make dist` or of a release: an example to
# copy and change. infra/template.yaml has the reasons, and the pipe, the HTTP API, the key and the
# dashboard besides; `make template` compares the two.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.42" }
  }
}

variable "name" {
  description = "Prefix of every name"
  type        = string
  default     = "cloud-infinite-callback"
}

variable "package" {
  description = "Path of the zip"
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64, as in the zip's name"
  type        = string
  default     = "arm64"
}

variable "token_digests" {
  description = "SHA-256 of the accepted token, as `callbackctl token` prints it; two during a rotation"
  type        = list(string)
  validation {
    condition     = length(var.token_digests) > 0 && alltrue([for d in var.token_digests : can(regex("^[0-9a-fA-F]{64}$", d))])
    error_message = "Give one or two digests of 64 hexadecimal digits."
  }
}

variable "alarm_topic_arn" {
  description = "SNS topic to notify; null for none"
  type        = string
  default     = null
}

data "aws_caller_identity" "current" {}

locals {
  vault = { quarantine = [90, 30], spill = [90, 30], oversize = [60, 14], replayed = [30, 1] }
  alarms = {
    quarantined    = ["CloudInfiniteCallback", "Quarantined", "Sum", 1]
    spilled        = ["CloudInfiniteCallback", "Spilled", "Sum", 1]
    vault-failures = ["CloudInfiniteCallback", "VaultFailures", "Sum", 1]
    auth-failures  = ["CloudInfiniteCallback", "AuthFailures", "Sum", 20]
    errors         = ["AWS/Lambda", "Errors", "Sum", 1]
    throttles      = ["AWS/Lambda", "Throttles", "Sum", 1]
    duration       = ["AWS/Lambda", "Duration", "Maximum", 8000]
    flood          = ["AWS/Lambda", "Invocations", "Sum", 30000]
    job-age        = ["AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 3600]
    dead-jobs      = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 1]
  }
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 30
}

resource "aws_iam_role" "function" {
  name = "${var.name}-function"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "function" {
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.jobs.arn },
      { Effect = "Allow", Action = "s3:PutObject", Resource = [for f in ["oversize", "quarantine", "spill"] : "${aws_s3_bucket.vault.arn}/${f}/*"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.function.arn}:*" },
    ]
  })
}

resource "aws_lambda_function" "callback" {
  function_name    = var.name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = 256
  timeout          = 10
  publish          = true
  role             = aws_iam_role.function.arn
  depends_on       = [aws_iam_role_policy.function]
  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.function.name
    application_log_level = "INFO"
    system_log_level      = "WARN"
  }
  environment {
    variables = {
      CALLBACK_AUTH         = "token"
      CALLBACK_TOKEN_SHA256 = join(",", var.token_digests)
      QUEUE_URL             = aws_sqs_queue.jobs.url
      QUEUE_MAX_BYTES       = "1048576"
      PUBLISH_BUDGET_MS     = "2500"
      VAULT_BUCKET          = aws_s3_bucket.vault.id
    }
  }
}

# The URL belongs to the alias, so that it survives whatever deploys versions later.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.callback.function_name
  function_version = aws_lambda_function.callback.version
}

resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.callback.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "url" {
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.callback.function_name
  qualifier              = aws_lambda_alias.live.name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "invoke" {
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.callback.function_name
  qualifier                = aws_lambda_alias.live.name
  principal                = "*"
  invoked_via_function_url = true
}

resource "aws_sqs_queue" "dead_jobs" {
  name                      = "${var.name}-dead-jobs"
  max_message_size          = 1048576
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.name}-jobs"
  max_message_size           = 1048576
  message_retention_seconds  = 604800
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 180
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_jobs.arn, maxReceiveCount = 5 })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_jobs" {
  queue_url            = aws_sqs_queue.dead_jobs.id
  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.jobs.arn] })
}

resource "aws_sqs_queue_policy" "tls" {
  for_each  = { jobs = aws_sqs_queue.jobs, dead_jobs = aws_sqs_queue.dead_jobs }
  queue_url = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = each.value.arn, Condition = { Bool = { "aws:SecureTransport" = "false" } } }]
  })
}

# It may hold the only copy of a callback.
resource "aws_s3_bucket" "vault" {
  bucket = "${var.name}-vault-${data.aws_caller_identity.current.account_id}"
  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_public_access_block" "vault" {
  bucket                  = aws_s3_bucket.vault.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "vault" {
  bucket = aws_s3_bucket.vault.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_policy" "vault" {
  bucket = aws_s3_bucket.vault.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = [aws_s3_bucket.vault.arn, "${aws_s3_bucket.vault.arn}/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }]
  })
}

resource "aws_s3_bucket_lifecycle_configuration" "vault" {
  bucket = aws_s3_bucket.vault.id
  dynamic "rule" {
    for_each = local.vault
    content {
      id     = rule.key
      status = "Enabled"
      filter { prefix = "${rule.key}/" }
      expiration { days = rule.value[0] }
      noncurrent_version_expiration { noncurrent_days = rule.value[1] }
      abort_incomplete_multipart_upload { days_after_initiation = 1 }
    }
  }
}

resource "aws_iam_policy" "consumer" {
  name        = "${var.name}-consumer"
  description = "Permissions of a worker"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"], Resource = aws_sqs_queue.jobs.arn },
      { Effect = "Allow", Action = ["s3:GetObject", "s3:DeleteObject"], Resource = "${aws_s3_bucket.vault.arn}/oversize/*" },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "See the alarm of this name in infra/template.yaml for what to do."
  namespace           = each.value[0]
  metric_name         = each.value[1]
  statistic           = each.value[2]
  threshold           = each.value[3]
  comparison_operator = "GreaterThanOrEqualToThreshold"
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  dimensions = each.value[0] != "AWS/SQS" ? { FunctionName = aws_lambda_function.callback.function_name } : {
    QueueName = each.key == "dead-jobs" ? aws_sqs_queue.dead_jobs.name : aws_sqs_queue.jobs.name
  }
}

output "callback_url" { value = aws_lambda_function_url.live.function_url }
output "queue_url" { value = aws_sqs_queue.jobs.url }
output "vault_bucket" { value = aws_s3_bucket.vault.id }
output "consumer_policy_arn" { value = aws_iam_policy.consumer.arn }
